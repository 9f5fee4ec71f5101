"""The landing sensor on the small shop, with the real job: what landed is run once, and is then quiet."""

import json
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from pipelines import jobs
from pipelines.ticking import tick
from resources.lake_io import LakeIO
from resources.tracking import Tracking
from sensors.landing import landing_sensor
from tests import small_shop
from tests.dagster_runs import DAILY, Dagster, lake_on

pytestmark = [pytest.mark.dagster, pytest.mark.spark]

TINY = {"ops": {"training_set": {"config": {"holdout_days": 1}}}}
ANSWER = {
    "request_id": "r1", "shopper": None, "items": ["i1", "i2"], "tier": "popular", "arm": "champion",
    "bundle": "b" * 64, "release": 1, "shown_at": f"{small_shop.FIRST + timedelta(days=2)}T10:00:00.000001Z",
}  # fmt: skip


@pytest.fixture(scope="module")
def world(spark, tmp_path_factory):
    """Three landed days, an impression on the last, and the landing sensor ticked once."""
    from pipelines.definitions import defs

    folder = tmp_path_factory.mktemp("ticked") / "lake"
    settings, days = small_shop.landed(folder, shoppers=150, days=3, landing_seconds=0, quiet_seconds=0)
    shown = Path(settings.lake) / "landing" / "impressions" / f"dt={days[2]}"
    shown.mkdir(parents=True)
    (shown / "1.jsonl").write_text(json.dumps(ANSWER) + "\n")
    lake = lake_on(spark, settings)
    own = dg.Definitions(
        assets=defs.assets,
        jobs=[jobs.day],
        sensors=[landing_sensor(jobs.day, settings)],
        resources={"lake": lake, "io_manager": LakeIO(lake), "tracking": Tracking(settings)},
        executor=dg.in_process_executor,
    )
    dagster = Dagster(lake)
    return own, dagster, days, tick(own, dagster.instance, "landing", TINY)


def test_all_days_are_run_together_and_every_daily_table_has_them(world):
    _, dagster, days, (done,) = world
    assert done.success
    assert {name: dagster.days(name) for name in DAILY} == {name: {str(day) for day in days} for name in DAILY}
    assert dagster.days("impressions") == {str(days[2])}  # the two others are empty: no answer landed


def test_what_was_shown_is_in_its_table(world):
    from freshet.tables.reading import scan

    _, dagster, days, _ = world
    rows = scan(dagster.lake.settings, "impressions").to_pylist()
    assert [(row["request_id"], row["items"], row["landing_date"]) for row in rows] == [("r1", ["i1", "i2"], days[2])]


def test_without_a_release_the_drift_report_says_so_and_is_not_made(world):
    _, _, _, (done,) = world
    (check,) = (c for c in done.get_asset_check_evaluations() if c.check_name == "there_is_something_to_compare")
    assert (check.passed, check.severity.value) == (False, "WARN")
    assert check.description.startswith("drift_report: nothing is released yet, so there is nothing to watch.")
    assert "drift_report" not in {event.asset_key.path[-1] for event in done.get_asset_materialization_events()}


def test_then_the_landing_is_quiet(world):
    own, dagster, days, _ = world
    skip = tick(own, dagster.instance, "landing", TINY)
    assert skip.skip_message == f"All 3 landed days have been run as they are, the last is {days[2]}."
