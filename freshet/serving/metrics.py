"""The gateway's Prometheus metrics. One registry per gateway: two in one process share nothing."""

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
        self.requests = Counter("freshet_requests", "Responses", ["route", "status"], registry=registry)
        self.request_seconds = Histogram(
            "freshet_request_seconds", "Response time, seconds", ["route"], buckets=LATENCY_BUCKETS_S, registry=registry
        )
        self.events = Counter("freshet_events", "Events posted, by status", ["status"], registry=registry)
        self.answers = Counter("freshet_answers", "Lists served, by tier", ["tier"], registry=registry)
        self.ready = Gauge("freshet_ready", "1 while a release serves", registry=registry)
        self.release = Gauge("freshet_release", "Number of the serving release; 0: none", registry=registry)
        self.bundle = Gauge("freshet_bundle", "1 for the serving bundle", ["bundle"], registry=registry)
        self.swaps = Gauge("freshet_swaps", "Releases swapped in since start", registry=registry)
        self.refused_bundles = Gauge("freshet_bundles_refused", "Bundles rejected since start", registry=registry)
        self.waiting_lines = Gauge("freshet_lines_waiting", "Lines that wait for landing", registry=registry)
        self.landed_files = Gauge("freshet_files_landed", "Files landed since start", registry=registry)
        self.dropped_impressions = Gauge(
            "freshet_impressions_dropped", "Impressions dropped because the disk was full", registry=registry
        )
        self.problems = Gauge("freshet_reasons", "Reasons in /readyz", registry=registry)

    def exposition(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        return generate_latest(self.registry)
