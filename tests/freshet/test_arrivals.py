"""Which landing days hold something their last run has not seen."""

from datetime import UTC, date, datetime, timedelta

import pytest

from freshet import days as day_records
from freshet.arrivals import Arrival, LastRun, arrivals, differs, landed_days, last_runs
from freshet.days import Attempt, DayRecord
from freshet.past.acceptance import accept
from freshet.store import open_store

D1, D2, D3 = (date(2024, 3, day) for day in (1, 2, 3))
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    return open_store(str(tmp_path))


def arrival(events: int, shown: int, latest: datetime = NOON) -> Arrival:
    return Arrival(D1, {"raw_events": events, "impressions": shown}, "digest", latest)


def last(events: int, shown: int, at: datetime = NOON + timedelta(minutes=1)) -> LastRun:
    return LastRun({"raw_events": events, "impressions": shown}, at)


def record(store, table: str, day: date, at: datetime, files: int) -> None:
    own = DayRecord(day=day, verdict="published", counts={"rows": 9, "files": files})
    day_records.write(store, Attempt(table=table, attempt=f"a{at:%f}", at=at, snapshot=1, records=(own,)))


def test_events_the_gateways_events_and_impressions_are_counted_by_day(store):
    for path in (
        "landing/events/dt=2024-03-02/shop.csv",
        "landing/events/dt=2024-03-02/gateway/0001.jsonl",
        "landing/events/dt=2024-03-02/_unfinished.csv",
        "landing/events/readme.txt",
        "landing/impressions/dt=2024-03-01/0001.jsonl",
        "landing/items/dt=2024-03-03/items.csv",
    ):
        store.put(path, b"x")
    found = arrivals(store)
    assert {day: dict(one.files) for day, one in found.items()} == {
        D1: {"raw_events": 0, "impressions": 1},
        D2: {"raw_events": 2, "impressions": 0},
    }
    assert list(found) == [D1, D2]
    assert list(arrivals(store, [D2, D3])) == [D2]
    assert landed_days(store) == [D1, D2]


def test_a_day_that_a_person_accepted_since_its_last_run_is_run_again(store):
    store.put("landing/events/dt=2024-03-01/a.csv", b"x")
    before = arrivals(store)[D1]
    seen = LastRun({"raw_events": 1, "impressions": 0}, before.latest + timedelta(microseconds=1))
    assert not differs(before, seen)
    accept(store, D1, "campaign", NOON)
    accept(store, D2, "nothing landed", NOON)
    after = arrivals(store)
    assert list(after) == [D1]
    assert differs(after[D1], seen)
    assert after[D1].files == {"raw_events": 1, "impressions": 0}
    assert after[D1].digest != before.digest


def test_the_digest_is_another_one_when_a_file_comes_or_is_replaced(store):
    store.put("landing/events/dt=2024-03-01/a.csv", b"x")
    first = arrivals(store)[D1].digest
    assert arrivals(store)[D1].digest == first
    store.put("landing/events/dt=2024-03-01/a.csv", b"longer")
    second = arrivals(store)[D1].digest
    store.put("landing/impressions/dt=2024-03-01/a.jsonl", b"x")
    assert len({first, second, arrivals(store)[D1].digest}) == 3


def test_an_empty_landing_has_no_days(store):
    assert (arrivals(store), landed_days(store)) == ({}, [])


def test_a_day_that_was_never_run_differs():
    assert differs(arrival(1, 0), None)


def test_a_day_run_as_it_is_does_not_differ():
    assert not differs(arrival(2, 1), last(2, 1))
    assert not differs(arrival(2, 0), LastRun({"raw_events": 2}, NOON))  # a lake from before there were impressions


@pytest.mark.parametrize("seen", [last(1, 1), last(3, 1), last(2, 0)])
def test_a_file_more_or_fewer_differs(seen):
    assert differs(arrival(2, 1), seen)


def test_a_file_written_since_differs():
    assert differs(arrival(2, 1, latest=NOON + timedelta(hours=1)), last(2, 1))


def test_the_last_attempt_counts_and_says_when_it_was(store):
    record(store, "raw_events", D1, NOON, files=1)
    record(store, "raw_events", D1, NOON + timedelta(hours=2), files=2)
    record(store, "impressions", D1, NOON + timedelta(hours=1), files=5)
    assert last_runs(store, [D1, D2]) == {
        D1: LastRun({"raw_events": 2, "impressions": 5}, NOON + timedelta(hours=2)),
    }
