"""The demo's script: set up the shop and the gateway, then run the steps in order."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg

from assets.partitions import SETTINGS
from freshet.errors import SettingsError
from freshet.ingest.mapping.source_mapping import read_mapping
from freshet.simulation.params import Drift, ShopParams
from freshet.simulation.shop import generate
from pipelines.definitions import defs
from pipelines.demo import steps, summary
from pipelines.demo.context import DemoContext, draw_audiences
from pipelines.demo.gateway import run_gateway
from pipelines.demo.screen import DemoOutput
from pipelines.load_simulation import save_shop_params
from resources.lake import Lake

SHOP_DAYS: Final = 28  # the last of them is yesterday
DAYS_AFTER_DRIFT: Final = 14  # the last of the SHOP_DAYS: enough to learn the new habits


@contextmanager
def demo_context(output: DemoOutput, spark_thread: threading.Thread) -> Iterator[DemoContext]:
    """Start everything that the steps need; stop it at the end. spark_thread: starts Spark."""
    if SETTINGS.mapping is None:
        raise SettingsError("FRESHET_MAPPING", "is not set", "run `make demo`, which sets it")
    lake: Lake = defs.resources["lake"]  # type: ignore[index]
    shop = generate(shop_params())
    save_shop_params(lake.store, shop.params)
    with run_gateway(SETTINGS) as gateway, ThreadPoolExecutor(1) as pool:
        audiences = draw_audiences(pool, generate(replace(shop.params, drifts=())), shop)
        yield DemoContext(
            output,
            SETTINGS,
            read_mapping(SETTINGS.mapping),
            defs,
            dg.DagsterInstance.get(),
            lake,
            shop,
            gateway,
            spark_thread,
            audiences,
        )


def shop_params() -> ShopParams:
    """Return the parameters of the demo's shop: it ends yesterday, with a habit drift half-way."""
    first_day = datetime.now(UTC).date() - timedelta(days=SHOP_DAYS)
    return ShopParams(first_day=first_day, days=SHOP_DAYS, drifts=(Drift("habit", SHOP_DAYS - DAYS_AFTER_DRIFT),))


def run_demo(context: DemoContext, start: float) -> None:
    """Run all steps. start: `time.perf_counter()` at the start of the demo."""
    drift_day = SHOP_DAYS - DAYS_AFTER_DRIFT
    context.output.section(f"1  The first {drift_day} days of a simulated shop land")
    steps.land_days(context, range(drift_day))
    steps.publish_first_release(context)
    context.output.section("2  The gateway serves the first release")
    before_drift = steps.serve_shoppers(context)
    context.output.section("3  Shoppers' habits drift")
    after_drift = steps.land_drifted_days(context, range(drift_day, SHOP_DAYS))
    context.output.section("4  Freshet detects the drift, retrains, evaluates and releases")
    after_retraining = steps.retrain_on_drift(context, after_drift)
    context.output.section("5  Rollback")
    steps.roll_back_twice(context)
    summary.print_summary(context, (before_drift, after_drift, after_retraining), time.perf_counter() - start)
