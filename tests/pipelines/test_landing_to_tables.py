"""The landing sensor on the small shop, with the real job: landed days are run once."""

import json
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from pipelines import jobs
from pipelines.sensor_runner import tick
from resources.lake_io import LakeIO
from resources.tracking import Tracking
from sensors.landing import landing_sensor
from tests import small_shop
from tests.dagster_runs import DAILY, DagsterHarness, shared_spark_lake

pytestmark = [pytest.mark.dagster, pytest.mark.spark]

TINY_CONFIG = {"ops": {"training_set": {"config": {"holdout_days": 1}}}}
IMPRESSION = {
    "request_id": "r1", "shopper": None, "items": ["i1", "i2"], "tier": "popular", "arm": "champion",
    "bundle": "b" * 64, "release": 1, "shown_at": f"{small_shop.FIRST_DAY + timedelta(days=2)}T10:00:00.000001Z",
}  # fmt: skip


@pytest.fixture(scope="module")
def first_tick(spark, tmp_path_factory):
    """Three landed days, an impression on the last, and the landing sensor ticked once."""
    from pipelines.definitions import defs

    folder = tmp_path_factory.mktemp("ticked") / "lake"
    settings, days = small_shop.land_simulated(
        folder, shoppers=150, days=3, day_rerun_cooldown_s=0, landing_quiet_period_s=0
    )
    impressions_folder = Path(settings.lake) / "landing" / "impressions" / f"dt={days[2]}"
    impressions_folder.mkdir(parents=True)
    (impressions_folder / "1.jsonl").write_text(json.dumps(IMPRESSION) + "\n")
    lake = shared_spark_lake(spark, settings)
    definitions = dg.Definitions(
        assets=defs.assets,
        jobs=[jobs.update_tables],
        sensors=[landing_sensor(jobs.update_tables, settings)],
        resources={"lake": lake, "io_manager": LakeIO(lake), "tracking": Tracking(settings)},
        executor=dg.in_process_executor,
    )
    dagster = DagsterHarness(lake)
    return definitions, dagster, days, tick(definitions, dagster.instance, "landing", TINY_CONFIG)


def test_all_days_are_run_together_and_every_daily_table_has_them(first_tick):
    _, dagster, days, (run,) = first_tick
    assert run.success
    assert {name: dagster.materialized_days(name) for name in DAILY} == {
        name: {str(day) for day in days} for name in DAILY
    }
    assert dagster.materialized_days("impressions") == {str(days[2])}  # the two others are empty: no impressions landed


def test_impressions_are_in_their_table(first_tick):
    from freshet.tables.reader import scan_table

    _, dagster, days, _ = first_tick
    rows = scan_table(dagster.lake.settings, "impressions").to_pylist()
    assert [(row["request_id"], row["items"], row["landing_date"]) for row in rows] == [("r1", ["i1", "i2"], days[2])]


def test_without_a_release_the_drift_report_is_skipped_with_a_reason(first_tick):
    _, _, _, (run,) = first_tick
    (check,) = (c for c in run.get_asset_check_evaluations() if c.check_name == "there_is_something_to_compare")
    assert (check.passed, check.severity.value) == (False, "WARN")
    assert check.description.startswith("drift_report: there is no release yet.")
    assert "drift_report" not in {event.asset_key.path[-1] for event in run.get_asset_materialization_events()}


def test_then_the_landing_is_quiet(first_tick):
    definitions, dagster, days, _ = first_tick
    skip = tick(definitions, dagster.instance, "landing", TINY_CONFIG)
    assert skip.skip_message == f"All 3 landed days have been run, the last is {days[2]}."
