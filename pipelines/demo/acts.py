"""The acts of the demo in their order, and everything they need while they play."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg

from assets.shop import SETTINGS
from freshet.errors import SettingsError
from freshet.simulation.params import Drift, ShopParams
from freshet.simulation.shop import generate
from freshet.tables.mapping import read
from pipelines.definitions import defs
from pipelines.demo import closing, scenes
from pipelines.demo.gateway import running
from pipelines.demo.play import Play, draw_visitors
from pipelines.demo.screen import Screen
from pipelines.simulated import keep_shop
from resources.lake import Lake

DAYS: Final = 28  # the last of them is yesterday
DRIFTED: Final = 14  # of them at the end: enough to learn new habits from


@contextmanager
def playing(screen: Screen, starting: threading.Thread) -> Iterator[Play]:
    """Everything the scenes need, running; all of it stopped at the end. starting: Spark, on its way."""
    if SETTINGS.mapping is None:
        raise SettingsError("FRESHET_MAPPING", "is not set", "run `make demo`, which sets it")
    lake: Lake = defs.resources["lake"]  # type: ignore[index]
    shop = generate(params())
    keep_shop(lake.store, shop.params)
    with running(SETTINGS) as gateway, ThreadPoolExecutor(1) as pool:
        visitors = draw_visitors(pool, generate(replace(shop.params, drifts=())), shop)
        yield Play(
            screen, SETTINGS, read(SETTINGS.mapping), defs, dg.DagsterInstance.get(), lake, shop, gateway, starting,
            visitors,
        )  # fmt: skip


def params() -> ShopParams:
    """The demo's shop: its last day is yesterday, and habits change half-way."""
    first = datetime.now(UTC).date() - timedelta(days=DAYS)
    return ShopParams(first_day=first, days=DAYS, drifts=(Drift("habit", DAYS - DRIFTED),))


def act(play: Play, begun: float) -> None:
    """All of it. begun: `time.perf_counter()` when the demo began."""
    drift = DAYS - DRIFTED
    play.screen.scene(f"1  A simulated shop, and its first {drift} days")
    scenes.days_land(play, range(drift))
    scenes.first_release(play)
    play.screen.scene("2  It serves")
    calm = scenes.it_serves(play)
    play.screen.scene("3  Then habits change")
    drifted = scenes.habits_drift(play, range(drift, DAYS))
    play.screen.scene("4  Freshet notices, retrains, judges and releases")
    recovered = scenes.retrained(play, drifted)
    play.screen.scene("5  A rollback")
    scenes.back_again(play)
    closing.tell(play, (calm, drifted, recovered), time.perf_counter() - begun)
