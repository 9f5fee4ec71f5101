"""Something landed: which days are run, which wait, and what is said of them."""

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
    decide,
    gather_inputs,
    landing_sensor,
    next_cursor,
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
        "days": days, "landed": dict(zip(days, landed, strict=True)), "last": {}, "under_way": {}, "quiet": {},
        "now": NOW,
    }  # fmt: skip
    return LandingSensorInputs(**(fields | overrides))


def last_ingest(ago: timedelta, n_files: int = 1) -> LastIngest:
    return LastIngest({"raw_events": n_files}, NOW - ago)


def day_ranges(decision: LandingDecision) -> list[tuple[date, date]]:
    return [(day_range.days[0], day_range.days[-1]) for day_range in decision.day_ranges]


def test_new_days_in_a_row_are_one_run():
    decision = decide(sensor_inputs(landed_day(DAY1, n_files=2), landed_day(DAY2), landed_day(DAY3)), SHOP_SETTINGS)
    assert day_ranges(decision) == [(DAY1, DAY3)]
    assert decision.day_ranges[0].reason == "3 landing days with news: 2024-03-01…2024-03-03, 4 files"


def test_a_first_start_on_three_hundred_days_is_one_run():
    days = [FIRST_DAY + timedelta(days=number) for number in range(300)]
    late = datetime(2024, 12, 1, tzinfo=UTC)
    assert day_ranges(decide(sensor_inputs(*(landed_day(day) for day in days), now=late), SHOP_SETTINGS)) == [
        (days[0], days[-1])
    ]


def test_a_day_between_that_was_run_as_it_is_parts_them():
    last_ingests = {DAY2: last_ingest(timedelta(0))}
    decision = decide(
        sensor_inputs(
            landed_day(DAY1), landed_day(DAY2, latest=NOW - timedelta(hours=1)), landed_day(DAY3), last=last_ingests
        ),
        SHOP_SETTINGS,
    )
    assert day_ranges(decision) == [(DAY1, DAY1), (DAY3, DAY3)]
    assert decision.day_ranges[1].reason == "1 landing day with news: 2024-03-03, 1 file"


def test_a_day_on_which_nothing_landed_parts_them():
    assert day_ranges(decide(sensor_inputs(landed_day(DAY1), landed_day(DAY3)), SHOP_SETTINGS)) == [
        (DAY1, DAY1),
        (DAY3, DAY3),
    ]


def test_many_scattered_days_are_one_run_that_leaves_the_days_between_alone():
    days = [FIRST_DAY + timedelta(days=number) for number in (0, 1, 9, 20, 33, 60)]
    late = datetime(2024, 12, 1, tzinfo=UTC)
    (day_range,) = decide(sensor_inputs(*(landed_day(day) for day in days), now=late), SHOP_SETTINGS).day_ranges
    assert day_range.days == tuple(days)
    assert day_range.reason == "6 landing days with news: 2024-01-01…2024-03-01 in 5 stretches, 6 files"


def test_the_run_key_holds_the_files_so_that_other_files_are_another_run():
    keys = {
        decide(sensor_inputs(landed_day(DAY1, digest=digest)), SHOP_SETTINGS).day_ranges[0].key
        for digest in ("one", "one", "two")
    }
    assert len(keys) == 2
    assert {key.split()[0] for key in keys} == {"2024-03-01"}


def test_nothing_landed_is_said():
    assert decide(sensor_inputs(), SHOP_SETTINGS) == LandingDecision(
        (), "Nothing has landed yet; `freshet land FILE…` puts files there."
    )


def test_days_run_as_they_are_are_said():
    last = {DAY1: last_ingest(timedelta(0)), DAY2: last_ingest(timedelta(0))}
    early = NOW - timedelta(days=1)
    decision = decide(
        sensor_inputs(landed_day(DAY1, latest=early), landed_day(DAY2, latest=early), last=last), SHOP_SETTINGS
    )
    assert decision == LandingDecision((), "All 2 landed days have been run as they are, the last is 2024-03-02.")


def test_a_day_that_is_being_run_waits():
    decision = decide(sensor_inputs(landed_day(DAY1), under_way={DAY1: "0123456789"}), SHOP_SETTINGS)
    assert decision == LandingDecision((), "2024-03-01 is being run (01234567).")


def test_a_day_run_a_moment_ago_waits_and_it_is_said_how_long():
    decision = decide(
        sensor_inputs(landed_day(DAY1, n_files=2), last={DAY1: last_ingest(timedelta(seconds=100))}), SHOP_SETTINGS
    )
    assert decision == LandingDecision(
        (), "2024-03-01 was run a moment ago and is run again in 200 s (FRESHET_DAY_RERUN_COOLDOWN_S)."
    )
    assert day_ranges(
        decide(
            sensor_inputs(landed_day(DAY1, n_files=2), last={DAY1: last_ingest(timedelta(seconds=300))}), SHOP_SETTINGS
        )
    ) == [(DAY1, DAY1)]


def test_a_day_whose_files_are_still_arriving_waits():
    decision = decide(
        sensor_inputs(landed_day(DAY1, latest=NOW - timedelta(seconds=2)), landed_day(DAY2)), SHOP_SETTINGS
    )
    assert day_ranges(decision) == [(DAY2, DAY2)]
    decision = decide(sensor_inputs(landed_day(DAY1, latest=NOW - timedelta(seconds=2))), SHOP_SETTINGS)
    assert decision == LandingDecision(
        (), "files of 2024-03-01 are still arriving, the last at 11:59:58 (FRESHET_LANDING_QUIET_PERIOD_S)."
    )


def test_days_outside_the_shops_time_are_left_alone():
    before, after = date(2023, 12, 31), date(2024, 3, 4)
    decision = decide(sensor_inputs(landed_day(before), landed_day(after)), SHOP_SETTINGS)
    assert decision == LandingDecision(
        (), "2023-12-31 lies before the first day of the shop, 2024-01-01 (FRESHET_FIRST_DAY); "
        "2024-03-04 has not begun yet.",
    )  # fmt: skip
    assert day_ranges(
        decide(sensor_inputs(landed_day(before), landed_day(DAY1), landed_day(after)), SHOP_SETTINGS)
    ) == [(DAY1, DAY1)]


def test_of_many_waiting_days_three_are_named():
    days = [FIRST_DAY + timedelta(days=number) for number in range(5)]
    decision = decide(
        sensor_inputs(*(landed_day(day) for day in days), under_way=dict.fromkeys(days, "aaaaaaaa")), SHOP_SETTINGS
    )
    assert decision.skip_reason.endswith("2024-01-03 is being run (aaaaaaaa); and 2 more days.")


def test_only_days_without_news_are_remembered():
    old = landed_day(DAY1, digest="seen", latest=NOW - timedelta(hours=1))
    cursor = next_cursor(
        sensor_inputs(old, landed_day(DAY2), last={DAY1: last_ingest(timedelta(0))}),
        SensorCursor(ingested_digests={DAY2: "old"}),
    )
    assert cursor == SensorCursor(ingested_digests={DAY1: "seen"}, last_full_scan=NOW)
    assert day_ranges(decide(sensor_inputs(landed_day(DAY1, digest="seen"), quiet={DAY1: "seen"}), SHOP_SETTINGS)) == []


def test_days_that_were_not_looked_at_stay_remembered_until_they_are_gone():
    memory = SensorCursor(ingested_digests={DAY1: "seen", DAY2: "seen"}, last_full_scan=NOW - timedelta(minutes=5))
    cursor = next_cursor(sensor_inputs(landed_day(DAY3), days=[DAY1, DAY3]), memory)
    assert cursor == SensorCursor(ingested_digests={DAY1: "seen"}, last_full_scan=NOW - timedelta(minutes=5))


# Real ticks.


@pytest.fixture
def shop(settings) -> Settings:
    return settings.model_copy(update={"landing_seconds": 0, "quiet_seconds": 0})


@pytest.fixture
def definitions_and_instance(shop):
    return sensor_definitions(Lake(shop), landing_sensor(idle, shop)), dg.DagsterInstance.ephemeral()


def write_record(shop: Settings, day: date, n_files: int) -> None:
    """As if a run had read so many files of the day, just now."""
    day_record = DayRecord(day=day, verdict="published", counts={"rows": 9, "files": n_files})
    at = datetime.now(UTC) + timedelta(seconds=1)
    attempt = PublishAttempt(table="raw_events", attempt=f"a{n_files}", at=at, snapshot=1, records=(day_record,))
    day_records.write_attempt(open_store(shop.lake), attempt)


def test_a_tick_starts_one_run_with_the_range_the_key_and_the_reason(shop, world):
    write_file(shop, "landing/events/dt=2024-03-01/a.csv")
    write_file(shop, "landing/impressions/dt=2024-03-02/g.jsonl")
    (run,) = tick(*world, "landing")
    tags = world[1].get_run_by_id(run.run_id).tags
    assert (tags["dagster/asset_partition_range_start"], tags["dagster/asset_partition_range_end"]) == (
        "2024-03-01", "2024-03-02",
    )  # fmt: skip
    assert tags["dagster/run_key"].startswith("2024-03-01…2024-03-02 ")
    assert tags["dagster/sensor_name"] == "landing"
    assert tags["freshet/why"] == "2 landing days with news: 2024-03-01…2024-03-02, 2 files"


def test_the_same_files_are_asked_for_once_and_a_run_that_did_not_read_them_is_named(shop, world):
    write_file(shop, "landing/events/dt=2024-03-01/a.csv")
    (run,) = tick(*world, "landing")
    assert tick(*world, "landing").skip_message == (
        f"run {run.run_id[:8]} of 2024-03-01 ended as SUCCESS and read other files than lie there; see its page, "
        "mend what it names, then run the days again by hand."
    )
    write_file(shop, "landing/events/dt=2024-03-01/b.csv")
    assert len(tick(*world, "landing")) == 1


def test_once_a_run_has_seen_the_files_the_day_is_quiet_until_another_lands(shop, world):
    write_file(shop, "landing/events/dt=2024-03-01/a.csv")
    tick(*world, "landing")
    write_record(shop, DAY1, n_files=1)
    quiet = "All 1 landed days have been run as they are, the last is 2024-03-01."
    assert [tick(*world, "landing").skip_message for _ in range(2)] == [quiet, quiet]
    write_file(shop, "landing/events/dt=2024-03-01/gateway/0001.jsonl")
    assert len(tick(*world, "landing")) == 1


def test_quiet_days_are_looked_at_now_and_then_and_the_last_ones_always(shop, world):
    days = [DAY1 - timedelta(days=number) for number in range(4, -1, -1)]
    for day in days:
        write_file(shop, f"landing/events/dt={day}/a.csv")
        write_record(shop, day, n_files=1)
    lake, instance, now = Lake(shop), world[1], datetime.now(UTC)
    first = gather_inputs(lake, instance, SensorCursor(), now)
    memory = next_cursor(first, SensorCursor())
    assert (list(first.landed), list(memory.ingested_digests), memory.last_full_scan) == (days, days, now)
    soon = gather_inputs(lake, instance, memory, now + timedelta(minutes=9))
    assert (list(soon.landed), soon.last_ingests, list(soon.days)) == (days[-3:], {}, days)
    assert next_cursor(soon, memory) == memory
    assert list(gather_inputs(lake, instance, memory, now + timedelta(minutes=10)).landed) == days


def test_a_day_with_a_run_under_way_is_not_asked_for(shop, world):
    write_file(shop, "landing/events/dt=2024-03-01/a.csv")
    run = world[1].create_run_for_job(
        idle, status=dg.DagsterRunStatus.STARTED, tags={"dagster/partition": "2024-03-01"}
    )
    assert tick(*world, "landing").skip_message == f"2024-03-01 is being run ({run.run_id[:8]})."
