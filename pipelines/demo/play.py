"""What the scenes of the demo share."""

import threading
from collections.abc import Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

import dagster as dg

from freshet.errors import FreshetError
from freshet.live.journal import Entry, current
from freshet.settings import Settings
from freshet.simulation.live_shop import LiveShop
from freshet.simulation.shop import Shop
from freshet.tables.mapping import Mapping as SourceMapping
from pipelines.demo.gateway import Gateway
from pipelines.demo.screen import Screen
from pipelines.demo.shoppers import Audience, ClickThrough, audience, click_through, post
from pipelines.demo.story import Story
from pipelines.ticking import tick
from resources.lake import Lake

VISITS: Final = 4_000  # in each act; so many that a change of half a point shows
CALM_SEED, DRIFTED_SEED = 1, 2  # of the visits before and after the drift
# Enough for a shop that small: the demo is to be short.
CONFIG: Final[Mapping[str, Any]] = {
    "trained_model": {
        "config": {
            "max_epochs": 5,
            "steps_per_epoch": 50,
            "length": 50,
            "width": 64,
            "vector": 64,
            "blocks": 1,
            "members": 1,
            "learning_rate": 5e-3,
        }
    },
    "training_set": {"config": {"holdout_cases": 2000}},
    "evaluation": {"config": {"most_cases": 2000}},
    # Every day since the drift, and many baskets: what follows is only a part of an NDCG, and few shoppers tell little.
    "drift_report": {"config": {"fresh_days": 14, "cases": 5000, "confidence": 0.95}},
}


@dataclass(frozen=True)
class Visitors:
    """Who comes before the drift and after it: drawn while the first runs are under way."""

    calm: Future[Audience]
    drifted: Future[Audience]


def draw_visitors(pool: Executor, calm: Shop, drifted: Shop) -> Visitors:
    """On the day of the drift in the shop without it, and on the day after the last in the shop with it."""
    changes = drifted.params.drifts[0].day
    days = ((calm, changes, CALM_SEED), (drifted, drifted.params.days, DRIFTED_SEED))
    return Visitors(*(pool.submit(_visitors, *each) for each in days))


def _visitors(shop: Shop, day: int, seed: int) -> Audience:
    return audience(LiveShop(shop, day, seed, clock=lambda: datetime.now(UTC)), VISITS)


@dataclass
class Play:
    """The demo's lake, its Dagster, its gateway and its shoppers."""

    screen: Screen
    settings: Settings
    mapping: SourceMapping
    definitions: dg.Definitions
    instance: dg.DagsterInstance
    lake: Lake
    shop: Shop
    gateway: Gateway
    starting: threading.Thread  # Spark; joined before the first run
    visitors: Visitors
    runs: int = 0
    posted: int = 0  # events, all acknowledged

    def tick(self, sensor: str, doing: str, why: str | None = None) -> None:
        """Tick a sensor as the daemon would; tell why it starts a run (its own reason, or `why`) and how that went.

        Raises FreshetError where it starts none, or the run fails: the lines above say why; KeyboardInterrupt where it
        was interrupted.
        """
        told = {"loggers": {"story": {}}, "ops": CONFIG}
        self._story.begin(self._steps_of(sensor))
        with self.screen.passing(doing):
            self.starting.join()
            done = tick(self._watched, self.instance, sensor, told)
        if isinstance(done, dg.SkipReason):
            raise FreshetError(f"sensor {sensor}", str(done.skip_message), "this is a fault of the demo: report it")
        self.runs += len(done)
        run = self.instance.get_run_by_id(done[-1].run_id)
        reason = why or ("" if run is None else run.tags["freshet/why"])
        self.screen.say(f"The sensor `{sensor}` starts the job `{done[-1].job_def.name}`: {reason}.")
        self.screen.say(self._story.told(), "dim")
        if self._story.interrupted:
            raise KeyboardInterrupt  # Dagster has taken Ctrl-C for itself
        if not all(run.success for run in done):
            raise FreshetError("demo", "the run failed", "read the lines above; `make dev` shows the whole run")

    def _steps_of(self, sensor: str) -> int:
        """How many assets the sensor's job has."""
        job = self.definitions.get_repository_def().get_sensor_def(sensor).job_name
        return len(self.definitions.resolve_job_def(str(job)).graph.nodes)

    def champion(self) -> Entry:
        """What serves. Raises FreshetError where nothing was released."""
        entry = current(self.lake.store)
        if entry is None:
            raise FreshetError("demo", "nothing was released", "the verdict above says why")
        return entry

    def show(self, visitors: Audience) -> ClickThrough:
        """What they make of the lists of the gateway, now."""
        with self.screen.passing(f"{len(visitors.visits):,} visits at the gateway"):
            return click_through(self.gateway, visitors)

    def post(self, served: ClickThrough) -> None:
        """Tell the gateway what they did."""
        self.posted += post(self.gateway, served.events())

    @cached_property
    def _story(self) -> Story:
        return Story(self.screen)

    @cached_property
    def _watched(self) -> dg.Definitions:
        """The code location's own definitions, told on the screen."""
        defs = self.definitions
        return dg.Definitions(
            assets=defs.assets, jobs=defs.jobs, sensors=defs.sensors, schedules=defs.schedules,
            resources=defs.resources, executor=defs.executor, loggers={"story": self._story.logger()},
        )  # fmt: skip
