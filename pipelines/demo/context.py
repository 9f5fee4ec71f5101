"""The context of the demo's steps: lake, Dagster, gateway, shop and shoppers; ticks of sensors with progress."""

import threading
from collections.abc import Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

import dagster as dg

from freshet.errors import FreshetError
from freshet.ingest.mapping.source_mapping import SourceMapping
from freshet.releases.journal import JournalEntry, champion_entry
from freshet.settings import Settings
from freshet.simulation.live_shop import LiveShop
from freshet.simulation.shop import Shop
from pipelines.demo.gateway import GatewayProcess
from pipelines.demo.log_handler import LOGGER_NAME, RunProgress
from pipelines.demo.screen import DemoOutput
from pipelines.demo.shoppers import Audience, ClickThrough, draw_audience, measure_click_through, post_events
from pipelines.sensor_runner import tick
from resources.lake import Lake
from sensors.runs import REASON_TAG

SESSIONS_PER_STEP: Final = 4_000  # sessions per measured step: a difference of half a point is significant
BEFORE_DRIFT_SEED, AFTER_DRIFT_SEED = 1, 2  # of the sessions before and after the drift
# Small models for a small shop, so that the demo is short.
OPS_CONFIG: Final[Mapping[str, Any]] = {
    "trained_model": {
        "config": {
            "max_epochs": 5,
            "steps_per_epoch": 50,
            "max_history": 50,
            "hidden_dim": 64,
            "embedding_dim": 64,
            "n_layers": 1,
            "ensemble_size": 1,
            "learning_rate": 5e-3,
        }
    },
    "training_set": {"config": {"min_holdout_cases": 2000}},
    # A few hundred shoppers in the held-out days do not show a difference of 2 %, the default margin.
    "evaluation": {"config": {"max_cases": 2000, "non_inferiority_margin": 0.05}},
    # All days since the drift and many baskets: a habit drift lowers the NDCG only in part, and the shop is small.
    "drift_report": {"config": {"current_days": 14, "max_cases": 5000, "confidence": 0.95}},
}


@dataclass(frozen=True)
class Audiences:
    """Sessions before and after the drift, drawn in the background during the first runs."""

    before_drift: Future[Audience]
    after_drift: Future[Audience]


def draw_audiences(pool: Executor, shop_without_drift: Shop, shop: Shop) -> Audiences:
    """Draw sessions on the day of the drift in the shop without drift, and on the day after the last in the other."""
    drift_day = shop.params.drifts[0].day
    days = ((shop_without_drift, drift_day, BEFORE_DRIFT_SEED), (shop, shop.params.days, AFTER_DRIFT_SEED))
    return Audiences(*(pool.submit(_draw_sessions, *draw) for draw in days))


def _draw_sessions(shop: Shop, day: int, seed: int) -> Audience:
    return draw_audience(LiveShop(shop, day, seed, clock=lambda: datetime.now(UTC)), SESSIONS_PER_STEP)


@dataclass
class DemoContext:
    """The demo's lake, Dagster instance, gateway, shop and shoppers."""

    output: DemoOutput
    settings: Settings
    mapping: SourceMapping
    definitions: dg.Definitions
    instance: dg.DagsterInstance
    lake: Lake
    shop: Shop
    gateway: GatewayProcess
    spark_thread: threading.Thread  # starts Spark; joined before the first run
    audiences: Audiences
    n_runs: int = 0
    n_posted: int = 0  # events, all acknowledged

    def tick(self, sensor: str, status: str, why: str | None = None) -> None:
        """Tick a sensor as Dagster's daemon would; print the reason of its run (or `why`) and the asset durations.

        Raises FreshetError if the sensor requests no run or the run fails; KeyboardInterrupt if it was interrupted.
        """
        run_config = {"loggers": {LOGGER_NAME: {}}, "ops": OPS_CONFIG}
        self._run_progress.start_run(self._job_step_count(sensor))
        with self.output.show_status(status):
            self.spark_thread.join()
            results = tick(self._logged_definitions, self.instance, sensor, run_config)
        if isinstance(results, dg.SkipReason):
            raise FreshetError(f"sensor {sensor}", str(results.skip_message), "this is a bug of the demo: report it")
        self.n_runs += len(results)
        run = self.instance.get_run_by_id(results[-1].run_id)
        reason = why or ("" if run is None else run.tags[REASON_TAG])
        self.output.write(f"The sensor `{sensor}` starts the job `{results[-1].job_def.name}`: {reason}.")
        self.output.write(self._run_progress.pop_durations(), "dim")
        if self._run_progress.interrupted:
            raise KeyboardInterrupt  # Dagster caught the Ctrl-C
        if not all(run.success for run in results):
            raise FreshetError("demo", "the run failed", "read the lines above; `make dev` shows the whole run")

    def _job_step_count(self, sensor: str) -> int:
        """Return the number of assets of the sensor's job."""
        job = self.definitions.get_repository_def().get_sensor_def(sensor).job_name
        return len(self.definitions.resolve_job_def(str(job)).graph.nodes)

    def champion(self) -> JournalEntry:
        """Return the journal entry of the champion. Raises FreshetError before the first release."""
        entry = champion_entry(self.lake.store)
        if entry is None:
            raise FreshetError("demo", "no model was released", "the verdict above gives the reason")
        return entry

    def show_lists(self, audience: Audience) -> ClickThrough:
        """Show the gateway's current lists to an audience and return the reactions."""
        with self.output.show_status(f"{len(audience.sessions):,} sessions at the gateway"):
            return measure_click_through(self.gateway, audience)

    def post_events(self, click_through: ClickThrough) -> None:
        """Post the audience's events to the gateway."""
        self.n_posted += post_events(self.gateway, click_through.events())

    @cached_property
    def _run_progress(self) -> RunProgress:
        return RunProgress(self.output)

    @cached_property
    def _logged_definitions(self) -> dg.Definitions:
        """Return the code location's definitions with a logger that shows progress on the screen."""
        defs = self.definitions
        return dg.Definitions(
            assets=defs.assets, jobs=defs.jobs, sensors=defs.sensors, schedules=defs.schedules,
            resources=defs.resources, executor=defs.executor, loggers={LOGGER_NAME: self._run_progress.logger()},
        )  # fmt: skip
