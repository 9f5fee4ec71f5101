"""Something landed: which days are run, which wait, and what is said of them."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from freshet import days as day_records
from freshet.arrivals import Arrival, LastRun
from freshet.days import Attempt, DayRecord
from freshet.settings import Settings
from freshet.store import open_store
from pipelines.ticking import tick
from resources.lake import Lake
from sensors.landing import Decision, Memory, Situation, decide, landing_sensor, look, remembered
from tests.idle_jobs import definitions, idle, put

pytestmark = pytest.mark.dagster

FIRST = date(2024, 1, 1)
D1, D2, D3 = (date(2024, 3, day) for day in (1, 2, 3))
NOW = datetime(2024, 3, 3, 12, tzinfo=UTC)
SHOP = Settings(_env_file=None, lake="lake", first_day=FIRST, landing_seconds=300)


def arrival(day: date, files: int = 1, digest: str = "new", latest: datetime = NOW - timedelta(minutes=1)) -> Arrival:
    return Arrival(day, {"raw_events": files, "impressions": 0}, digest, latest)


def situation(*landed: Arrival, **more: object) -> Situation:
    days = [one.day for one in landed]
    given = {
        "days": days, "landed": dict(zip(days, landed, strict=True)), "last": {}, "under_way": {}, "quiet": {},
        "now": NOW,
    }  # fmt: skip
    return Situation(**(given | more))


def ran(ago: timedelta, files: int = 1) -> LastRun:
    return LastRun({"raw_events": files}, NOW - ago)


def spans(decision: Decision) -> list[tuple[date, date]]:
    return [(one.days[0], one.days[-1]) for one in decision.stretches]


def test_new_days_in_a_row_are_one_run():
    decision = decide(situation(arrival(D1, files=2), arrival(D2), arrival(D3)), SHOP)
    assert spans(decision) == [(D1, D3)]
    assert decision.stretches[0].why == "3 landing days with news: 2024-03-01…2024-03-03, 4 files"


def test_a_first_start_on_three_hundred_days_is_one_run():
    days = [FIRST + timedelta(days=number) for number in range(300)]
    late = datetime(2024, 12, 1, tzinfo=UTC)
    assert spans(decide(situation(*(arrival(day) for day in days), now=late), SHOP)) == [(days[0], days[-1])]


def test_a_day_between_that_was_run_as_it_is_parts_them():
    seen = {D2: ran(timedelta(0))}
    decision = decide(
        situation(arrival(D1), arrival(D2, latest=NOW - timedelta(hours=1)), arrival(D3), last=seen), SHOP
    )
    assert spans(decision) == [(D1, D1), (D3, D3)]
    assert decision.stretches[1].why == "1 landing day with news: 2024-03-03, 1 file"


def test_a_day_on_which_nothing_landed_parts_them():
    assert spans(decide(situation(arrival(D1), arrival(D3)), SHOP)) == [(D1, D1), (D3, D3)]


def test_many_scattered_days_are_one_run_that_leaves_the_days_between_alone():
    days = [FIRST + timedelta(days=number) for number in (0, 1, 9, 20, 33, 60)]
    late = datetime(2024, 12, 1, tzinfo=UTC)
    (one,) = decide(situation(*(arrival(day) for day in days), now=late), SHOP).stretches
    assert one.days == tuple(days)
    assert one.why == "6 landing days with news: 2024-01-01…2024-03-01 in 5 stretches, 6 files"


def test_the_run_key_holds_the_files_so_that_other_files_are_another_run():
    keys = {decide(situation(arrival(D1, digest=digest)), SHOP).stretches[0].key for digest in ("one", "one", "two")}
    assert len(keys) == 2
    assert {key.split()[0] for key in keys} == {"2024-03-01"}


def test_nothing_landed_is_said():
    assert decide(situation(), SHOP) == Decision((), "Nothing has landed yet; `freshet land FILE…` puts files there.")


def test_days_run_as_they_are_are_said():
    last = {D1: ran(timedelta(0)), D2: ran(timedelta(0))}
    early = NOW - timedelta(days=1)
    decision = decide(situation(arrival(D1, latest=early), arrival(D2, latest=early), last=last), SHOP)
    assert decision == Decision((), "All 2 landed days have been run as they are, the last is 2024-03-02.")


def test_a_day_that_is_being_run_waits():
    decision = decide(situation(arrival(D1), under_way={D1: "0123456789"}), SHOP)
    assert decision == Decision((), "2024-03-01 is being run (01234567).")


def test_a_day_run_a_moment_ago_waits_and_it_is_said_how_long():
    decision = decide(situation(arrival(D1, files=2), last={D1: ran(timedelta(seconds=100))}), SHOP)
    assert decision == Decision(
        (), "2024-03-01 was run a moment ago and is run again in 200 s (FRESHET_LANDING_SECONDS)."
    )
    assert spans(decide(situation(arrival(D1, files=2), last={D1: ran(timedelta(seconds=300))}), SHOP)) == [(D1, D1)]


def test_a_day_whose_files_are_still_arriving_waits():
    decision = decide(situation(arrival(D1, latest=NOW - timedelta(seconds=2)), arrival(D2)), SHOP)
    assert spans(decision) == [(D2, D2)]
    decision = decide(situation(arrival(D1, latest=NOW - timedelta(seconds=2))), SHOP)
    assert decision == Decision(
        (), "files of 2024-03-01 are still arriving, the last at 11:59:58 (FRESHET_QUIET_SECONDS)."
    )


def test_days_outside_the_shops_time_are_left_alone():
    before, after = date(2023, 12, 31), date(2024, 3, 4)
    decision = decide(situation(arrival(before), arrival(after)), SHOP)
    assert decision == Decision(
        (), "2023-12-31 lies before the first day of the shop, 2024-01-01 (FRESHET_FIRST_DAY); "
        "2024-03-04 has not begun yet.",
    )  # fmt: skip
    assert spans(decide(situation(arrival(before), arrival(D1), arrival(after)), SHOP)) == [(D1, D1)]


def test_of_many_waiting_days_three_are_named():
    days = [FIRST + timedelta(days=number) for number in range(5)]
    decision = decide(situation(*(arrival(day) for day in days), under_way=dict.fromkeys(days, "aaaaaaaa")), SHOP)
    assert decision.skip.endswith("2024-01-03 is being run (aaaaaaaa); and 2 more days.")


def test_only_days_without_news_are_remembered():
    old = arrival(D1, digest="seen", latest=NOW - timedelta(hours=1))
    found = remembered(situation(old, arrival(D2), last={D1: ran(timedelta(0))}), Memory(quiet={D2: "old"}))
    assert found == Memory(quiet={D1: "seen"}, swept=NOW)
    assert spans(decide(situation(arrival(D1, digest="seen"), quiet={D1: "seen"}), SHOP)) == []


def test_days_that_were_not_looked_at_stay_remembered_until_they_are_gone():
    memory = Memory(quiet={D1: "seen", D2: "seen"}, swept=NOW - timedelta(minutes=5))
    found = remembered(situation(arrival(D3), days=[D1, D3]), memory)
    assert found == Memory(quiet={D1: "seen"}, swept=NOW - timedelta(minutes=5))


# Real ticks.


@pytest.fixture
def shop(settings) -> Settings:
    return settings.model_copy(update={"landing_seconds": 0, "quiet_seconds": 0})


@pytest.fixture
def world(shop):
    return definitions(Lake(shop), landing_sensor(idle, shop)), dg.DagsterInstance.ephemeral()


def record(shop: Settings, day: date, files: int) -> None:
    """As if a run had read so many files of the day, just now."""
    own = DayRecord(day=day, verdict="published", counts={"rows": 9, "files": files})
    at = datetime.now(UTC) + timedelta(seconds=1)
    attempt = Attempt(table="raw_events", attempt=f"a{files}", at=at, snapshot=1, records=(own,))
    day_records.write(open_store(shop.lake), attempt)


def test_a_tick_starts_one_run_with_the_range_the_key_and_the_reason(shop, world):
    put(shop, "landing/events/dt=2024-03-01/a.csv")
    put(shop, "landing/impressions/dt=2024-03-02/g.jsonl")
    (done,) = tick(*world, "landing")
    tags = world[1].get_run_by_id(done.run_id).tags
    assert (tags["dagster/asset_partition_range_start"], tags["dagster/asset_partition_range_end"]) == (
        "2024-03-01", "2024-03-02",
    )  # fmt: skip
    assert tags["dagster/run_key"].startswith("2024-03-01…2024-03-02 ")
    assert tags["dagster/sensor_name"] == "landing"
    assert tags["freshet/why"] == "2 landing days with news: 2024-03-01…2024-03-02, 2 files"


def test_the_same_files_are_asked_for_once_and_a_run_that_did_not_read_them_is_named(shop, world):
    put(shop, "landing/events/dt=2024-03-01/a.csv")
    (done,) = tick(*world, "landing")
    assert tick(*world, "landing").skip_message == (
        f"run {done.run_id[:8]} of 2024-03-01 ended as SUCCESS and read other files than lie there; see its page, "
        "mend what it names, then run the days again by hand."
    )
    put(shop, "landing/events/dt=2024-03-01/b.csv")
    assert len(tick(*world, "landing")) == 1


def test_once_a_run_has_seen_the_files_the_day_is_quiet_until_another_lands(shop, world):
    put(shop, "landing/events/dt=2024-03-01/a.csv")
    tick(*world, "landing")
    record(shop, D1, files=1)
    quiet = "All 1 landed days have been run as they are, the last is 2024-03-01."
    assert [tick(*world, "landing").skip_message for _ in range(2)] == [quiet, quiet]
    put(shop, "landing/events/dt=2024-03-01/gateway/0001.jsonl")
    assert len(tick(*world, "landing")) == 1


def test_quiet_days_are_looked_at_now_and_then_and_the_last_ones_always(shop, world):
    days = [D1 - timedelta(days=number) for number in range(4, -1, -1)]
    for day in days:
        put(shop, f"landing/events/dt={day}/a.csv")
        record(shop, day, files=1)
    lake, instance, now = Lake(shop), world[1], datetime.now(UTC)
    first = look(lake, instance, Memory(), now)
    memory = remembered(first, Memory())
    assert (list(first.landed), list(memory.quiet), memory.swept) == (days, days, now)
    soon = look(lake, instance, memory, now + timedelta(minutes=9))
    assert (list(soon.landed), soon.last, list(soon.days)) == (days[-3:], {}, days)
    assert remembered(soon, memory) == memory
    assert list(look(lake, instance, memory, now + timedelta(minutes=10)).landed) == days


def test_a_day_with_a_run_under_way_is_not_asked_for(shop, world):
    put(shop, "landing/events/dt=2024-03-01/a.csv")
    queued = world[1].create_run_for_job(
        idle, status=dg.DagsterRunStatus.STARTED, tags={"dagster/partition": "2024-03-01"}
    )
    assert tick(*world, "landing").skip_message == f"2024-03-01 is being run ({queued.run_id[:8]})."
