"""What the gateway counts, for Prometheus. One registry per gateway: nothing is shared between two in one process."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

LATENCY_BUCKETS_S: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # seconds
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST


class GatewayMetrics:
    """Counters and gauges by name; docs/gateway.md lists them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.requests = Counter("freshet_requests", "Requests answered", ["route", "status"], registry=registry)
        self.request_seconds = Histogram(
            "freshet_request_seconds", "Time to answer", ["route"], buckets=LATENCY_BUCKETS_S, registry=registry
        )
        self.events = Counter("freshet_events", "Events posted, by what became of them", ["status"], registry=registry)
        self.answers = Counter("freshet_answers", "Lists answered, by tier", ["tier"], registry=registry)
        self.ready = Gauge("freshet_ready", "1 while a release answers", registry=registry)
        self.release = Gauge("freshet_release", "Number of the release that answers; 0: none", registry=registry)
        self.bundle = Gauge("freshet_bundle", "1 for the bundle that answers", ["bundle"], registry=registry)
        self.swaps = Gauge("freshet_swaps", "Releases swapped in since start", registry=registry)
        self.refused_bundles = Gauge("freshet_bundles_refused", "Bundles not let in since start", registry=registry)
        self.waiting_lines = Gauge("freshet_lines_waiting", "Lines that wait to be landed", registry=registry)
        self.landed_files = Gauge("freshet_files_landed", "Files landed since start", registry=registry)
        self.dropped_impressions = Gauge(
            "freshet_impressions_dropped", "Impressions lost, the disk being full", registry=registry
        )
        self.problems = Gauge("freshet_reasons", "Reasons that stand in /readyz", registry=registry)

    def exposition(self) -> bytes:
        """The exposition, as Prometheus reads it."""
        return generate_latest(self.registry)
