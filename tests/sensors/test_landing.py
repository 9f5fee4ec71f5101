"""The landing sensor: which days are run, which wait, and the skip reasons."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from freshet.ingest.pending_days import LandedDay, LastIngest
from freshet.settings import Settings
from freshet.store import open_store
from freshet.tables import day_records
from freshet.tables.day_records import DayRecord, PublishAttempt
from pipelines.sensor_runner import tick
from resources.lake import Lake
from sensors.landing import (
    LandingDecision,
    LandingSensorInputs,
    SensorCursor,
    gather_inputs,
    landing_sensor,
    next_cursor,
    plan_runs,
)
from tests.idle_jobs import idle, sensor_definitions, write_file

pytestmark = pytest.mark.dagster

FIRST_DAY = date(2024, 1, 1)
DAY1, DAY2, DAY3 = (date(2024, 3, day) for day in (1, 2, 3))
NOW = datetime(2024, 3, 3, 12, tzinfo=UTC)
SHOP_SETTINGS = Settings(_env_file=None, lake="lake", first_day=FIRST_DAY, day_rerun_cooldown_s=300)


def landed_day(
    day: date, n_files: int = 1, digest: str = "new", latest: datetime = NOW - timedelta(minutes=1)
) -> LandedDay:
    return LandedDay(day, {"raw_events": n_files, "impressions": 0}, digest, latest)


def sensor_inputs(*landed: LandedDay, **overrides: object) -> LandingSensorInputs:
    days = [landed_one.day for landed_one in landed]
    fields = {
        "days": days, "landed": dict(zip(days, landed, strict=True)), "last_ingests": {}, "active_runs": {},
        "ingested_digests": {}, "now": NOW,
    }  # fmt: skip
    return LandingSensorInputs(**(fields | overrides))


def last_ingest(ago: timedelta, n_files: int = 1) -> LastIngest:
    return LastIngest({"raw_events": n_files}, NOW - ago)


def day_ranges(decision: LandingDecision) -> list[tuple[date, date]]:
    return [(day_range.days[0], day_range.days[-1]) for day_range in decision.day_ranges]


def test_adjacent_new_days_are_one_run():
    decision = plan_runs(sensor_inputs(landed_day(DAY1, n_files=2), landed_day(DAY2), landed_day(DAY3)), SHOP_SETTINGS)
    assert day_ranges(decision) == [(DAY1, DAY3)]
    assert decision.day_ranges[0].reason == "3 landing days with new files: 2024-03-01…2024-03-03, 4 files"


def test_a_first_start_on_three_hundred_days_is_one_run():
    days = [FIRST_DAY + timedelta(days=number) for number in range(300)]
    late = datetime(2024, 12, 1, tzinfo=UTC)
    assert day_ranges(plan_runs(sensor_inputs(*(landed_day(day) for day in days), now=late), SHOP_SETTINGS)) == [
        (days[0], days[-1])
    ]


def test_a_day_that_was_run_already_splits_the_range():
    last_ingests = {DAY2: last_ingest(timedelta(0))}
    decision = plan_runs(
        sensor_inputs(
            landed_day(DAY1),
            landed_day(DAY2, latest=NOW - timedelta(hours=1)),
            landed_day(DAY3),
            last_ingests=last_ingests,
        ),
        SHOP_SETTINGS,
    )
    assert day_ranges(decision) == [(DAY1, DAY1), (DAY3, DAY3)]
    assert decision.day_ranges[1].reason == "1 landing day with new files: 2024-03-03, 1 file"


def test_a_day_without_files_splits_the_range():
    assert day_ranges(plan_runs(sensor_inputs(landed_day(DAY1), landed_day(DAY3)), SHOP_SETTINGS)) == [
        (DAY1, DAY1),
        (DAY3, DAY3),
    ]


def test_many_scattered_days_are_one_run_without_the_days_between():
    days = [FIRST_DAY + timedelta(days=number) for number in (0, 1, 9, 20, 33, 60)]
    late = datetime(2024, 12, 1, tzinfo=UTC)
    (day_range,) = plan_runs(sensor_inputs(*(landed_day(day) for day in days), now=late), SHOP_SETTINGS).day_ranges
    assert day_range.days == tuple(days)
    assert day_range.reason == "6 landing days with new files: 2024-01-01…2024-03-01 in 5 ranges, 6 files"


def test_other_files_give_another_run_key():
    keys = {
        plan_runs(sensor_inputs(landed_day(DAY1, digest=digest)), SHOP_SETTINGS).day_ranges[0].key
        for digest in ("one", "one", "two")
    }
    assert len(keys) == 2
    assert {key.split()[0] for key in keys} == {"2024-03-01"}


def test_an_empty_landing_is_a_skip_reason():
    assert plan_runs(sensor_inputs(), SHOP_SETTINGS) == LandingDecision(
        (), "Nothing has landed yet; `freshet land FILE…` puts files there."
    )


def test_days_without_new_files_are_a_skip_reason():
    last = {DAY1: last_ingest(timedelta(0)), DAY2: last_ingest(timedelta(0))}
    early = NOW - timedelta(days=1)
    decision = plan_runs(
        sensor_inputs(landed_day(DAY1, latest=early), landed_day(DAY2, latest=early), last_ingests=last), SHOP_SETTINGS
    )
    assert decision == LandingDecision((), "All 2 landed days have been run, the last is 2024-03-02.")


def test_a_day_with_an_active_run_waits():
    decision = plan_runs(sensor_inputs(landed_day(DAY1), active_runs={DAY1: "0123456789"}), SHOP_SETTINGS)
    assert decision == LandingDecision((), "2024-03-01 is running (run 01234567).")


def test_a_day_that_was_run_recently_waits_for_the_cooldown():
    decision = plan_runs(
        sensor_inputs(landed_day(DAY1, n_files=2), last_ingests={DAY1: last_ingest(timedelta(seconds=100))}),
        SHOP_SETTINGS,
    )
    assert decision == LandingDecision(
        (), "2024-03-01 was run recently and is run again in 200 s (FRESHET_DAY_RERUN_COOLDOWN_S)."
    )
    assert day_ranges(
        plan_runs(
            sensor_inputs(landed_day(DAY1, n_files=2), last_ingests={DAY1: last_ingest(timedelta(seconds=300))}),
            SHOP_SETTINGS,
        )
    ) == [(DAY1, DAY1)]


def test_a_day_whose_files_are_still_arriving_waits():
    decision = plan_runs(
        sensor_inputs(landed_day(DAY1, latest=NOW - timedelta(seconds=2)), landed_day(DAY2)), SHOP_SETTINGS
    )
    assert day_ranges(decision) == [(DAY2, DAY2)]
    decision = plan_runs(sensor_inputs(landed_day(DAY1, latest=NOW - timedelta(seconds=2))), SHOP_SETTINGS)
    assert decision == LandingDecision(
        (), "files of 2024-03-01 are still arriving, the last at 11:59:58 (FRESHET_LANDING_QUIET_PERIOD_S)."
    )


def test_days_before_the_first_and_in_the_future_are_not_run():
    before, after = date(2023, 12, 31), date(2024, 3, 4)
    decision = plan_runs(sensor_inputs(landed_day(before), landed_day(after)), SHOP_SETTINGS)
    assert decision == LandingDecision(
        (), "2023-12-31 is before the first day of the shop, 2024-01-01 (FRESHET_FIRST_DAY); "
        "2024-03-04 is in the future.",
    )  # fmt: skip
    assert day_ranges(
        plan_runs(sensor_inputs(landed_day(before), landed_day(DAY1), landed_day(after)), SHOP_SETTINGS)
    ) == [(DAY1, DAY1)]


def test_three_of_many_waiting_days_are_named():
    days = [FIRST_DAY + timedelta(days=number) for number in range(5)]
    decision = plan_runs(
        sensor_inputs(*(landed_day(day) for day in days), active_runs=dict.fromkeys(days, "aaaaaaaa")), SHOP_SETTINGS
    )
    assert decision.skip_reason.endswith("2024-01-03 is running (run aaaaaaaa); and 2 more days.")


def test_the_cursor_holds_days_without_new_files():
    old = landed_day(DAY1, digest="seen", latest=NOW - timedelta(hours=1))
    cursor = next_cursor(
        sensor_inputs(old, landed_day(DAY2), last_ingests={DAY1: last_ingest(timedelta(0))}),
        SensorCursor(ingested_digests={DAY2: "old"}),
    )
    assert cursor == SensorCursor(ingested_digests={DAY1: "seen"}, last_full_scan=NOW)
    assert (
        day_ranges(
            plan_runs(sensor_inputs(landed_day(DAY1, digest="seen"), ingested_digests={DAY1: "seen"}), SHOP_SETTINGS)
        )
        == []
    )


def test_days_that_were_not_scanned_stay_in_the_cursor_until_they_are_removed():
    previous = SensorCursor(ingested_digests={DAY1: "seen", DAY2: "seen"}, last_full_scan=NOW - timedelta(minutes=5))
    cursor = next_cursor(sensor_inputs(landed_day(DAY3), days=[DAY1, DAY3]), previous)
    assert cursor == SensorCursor(ingested_digests={DAY1: "seen"}, last_full_scan=NOW - timedelta(minutes=5))


# Real ticks.


@pytest.fixture
def shop(settings) -> Settings:
    return settings.model_copy(update={"day_rerun_cooldown_s": 0, "landing_quiet_period_s": 0})


@pytest.fixture
def definitions_and_instance(shop):
    return sensor_definitions(Lake(shop), landing_sensor(idle, shop)), dg.DagsterInstance.ephemeral()


def write_record(shop: Settings, day: date, n_files: int) -> None:
    """As if a run had read so many files of the day, just now."""
    day_record = DayRecord(day=day, verdict="published", counts={"rows": 9, "files": n_files})
    at = datetime.now(UTC) + timedelta(seconds=1)
    attempt = PublishAttempt(table="raw_events", attempt=f"a{n_files}", at=at, snapshot=1, records=(day_record,))
    day_records.write_attempt(open_store(shop.lake), attempt)


def test_a_tick_requests_one_run_with_range_key_and_reason(shop, definitions_and_instance):
    write_file(shop, "landing/events/dt=2024-03-01/a.csv")
    write_file(shop, "landing/impressions/dt=2024-03-02/g.jsonl")
    (run,) = tick(*definitions_and_instance, "landing")
    tags = definitions_and_instance[1].get_run_by_id(run.run_id).tags
    assert (tags["dagster/asset_partition_range_start"], tags["dagster/asset_partition_range_end"]) == (
        "2024-03-01", "2024-03-02",
    )  # fmt: skip
    assert tags["dagster/run_key"].startswith("2024-03-01…2024-03-02 ")
    assert tags["dagster/sensor_name"] == "landing"
    assert tags["freshet/why"] == "2 landing days with new files: 2024-03-01…2024-03-02, 2 files"


def test_the_same_files_are_requested_once_and_a_run_that_did_not_read_them_is_named(shop, definitions_and_instance):
    write_file(shop, "landing/events/dt=2024-03-01/a.csv")
    (run,) = tick(*definitions_and_instance, "landing")
    assert tick(*definitions_and_instance, "landing").skip_message == (
        f"run {run.run_id[:8]} of 2024-03-01 ended as SUCCESS and has not read the files that are there now; see "
        "its page, fix what it names, then run the days again by hand."
    )
    write_file(shop, "landing/events/dt=2024-03-01/b.csv")
    assert len(tick(*definitions_and_instance, "landing")) == 1


def test_a_day_whose_files_were_read_is_not_run_until_another_file_lands(shop, definitions_and_instance):
    write_file(shop, "landing/events/dt=2024-03-01/a.csv")
    tick(*definitions_and_instance, "landing")
    write_record(shop, DAY1, n_files=1)
    quiet = "All 1 landed days have been run, the last is 2024-03-01."
    assert [tick(*definitions_and_instance, "landing").skip_message for _ in range(2)] == [quiet, quiet]
    write_file(shop, "landing/events/dt=2024-03-01/gateway/0001.jsonl")
    assert len(tick(*definitions_and_instance, "landing")) == 1


def test_old_days_are_scanned_every_ten_minutes_and_recent_ones_always(shop, definitions_and_instance):
    days = [DAY1 - timedelta(days=number) for number in range(4, -1, -1)]
    for day in days:
        write_file(shop, f"landing/events/dt={day}/a.csv")
        write_record(shop, day, n_files=1)
    lake, instance, now = Lake(shop), definitions_and_instance[1], datetime.now(UTC)
    first = gather_inputs(lake, instance, SensorCursor(), now)
    cursor = next_cursor(first, SensorCursor())
    assert (list(first.landed), list(cursor.ingested_digests), cursor.last_full_scan) == (days, days, now)
    soon = gather_inputs(lake, instance, cursor, now + timedelta(minutes=9))
    assert (list(soon.landed), soon.last_ingests, list(soon.days)) == (days[-3:], {}, days)
    assert next_cursor(soon, cursor) == cursor
    assert list(gather_inputs(lake, instance, cursor, now + timedelta(minutes=10)).landed) == days


def test_a_tick_requests_no_day_with_an_active_run(shop, definitions_and_instance):
    write_file(shop, "landing/events/dt=2024-03-01/a.csv")
    run = definitions_and_instance[1].create_run_for_job(
        idle, status=dg.DagsterRunStatus.STARTED, tags={"dagster/partition": "2024-03-01"}
    )
    assert tick(*definitions_and_instance, "landing").skip_message == f"2024-03-01 is running (run {run.run_id[:8]})."
