"""Pending days: landing days whose files differ from those of their last run."""

from datetime import UTC, date, datetime, timedelta

import pytest

from freshet.anomalies.acceptance import accept
from freshet.ingest.pending_days import (
    LandedDay,
    LastIngest,
    has_new_files,
    landing_folder_days,
    last_ingests,
    scan_landing,
)
from freshet.store import open_store
from freshet.tables import day_records
from freshet.tables.day_records import DayRecord, PublishAttempt

DAY1, DAY2, DAY3 = (date(2024, 3, day) for day in (1, 2, 3))
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    return open_store(str(tmp_path))


def landed_day(events: int, impressions: int, latest: datetime = NOON) -> LandedDay:
    return LandedDay(DAY1, {"raw_events": events, "impressions": impressions}, "digest", latest)


def last_ingest(events: int, impressions: int, at: datetime = NOON + timedelta(minutes=1)) -> LastIngest:
    return LastIngest({"raw_events": events, "impressions": impressions}, at)


def write_record(store, table: str, day: date, at: datetime, files: int) -> None:
    day_record = DayRecord(day=day, verdict="published", counts={"rows": 9, "files": files})
    day_records.write_attempt(
        store, PublishAttempt(table=table, attempt=f"a{at:%f}", at=at, snapshot=1, records=(day_record,))
    )


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
    actual = scan_landing(store)
    assert {day: dict(landed.files) for day, landed in actual.items()} == {
        DAY1: {"raw_events": 0, "impressions": 1},
        DAY2: {"raw_events": 2, "impressions": 0},
    }
    assert list(actual) == [DAY1, DAY2]
    assert list(scan_landing(store, [DAY2, DAY3])) == [DAY2]
    assert landing_folder_days(store) == [DAY1, DAY2]


def test_a_day_that_a_person_accepted_since_its_last_run_is_run_again(store):
    store.put("landing/events/dt=2024-03-01/a.csv", b"x")
    before = scan_landing(store)[DAY1]
    last_ingest = LastIngest({"raw_events": 1, "impressions": 0}, before.last_change + timedelta(microseconds=1))
    assert not has_new_files(before, last_ingest)
    accept(store, DAY1, "campaign", NOON)
    accept(store, DAY2, "nothing landed", NOON)
    after = scan_landing(store)
    assert list(after) == [DAY1]
    assert has_new_files(after[DAY1], last_ingest)
    assert after[DAY1].files == {"raw_events": 1, "impressions": 0}
    assert after[DAY1].digest != before.digest


def test_the_digest_is_another_one_when_a_file_comes_or_is_replaced(store):
    store.put("landing/events/dt=2024-03-01/a.csv", b"x")
    first = scan_landing(store)[DAY1].digest
    assert scan_landing(store)[DAY1].digest == first
    store.put("landing/events/dt=2024-03-01/a.csv", b"longer")
    second = scan_landing(store)[DAY1].digest
    store.put("landing/impressions/dt=2024-03-01/a.jsonl", b"x")
    assert len({first, second, scan_landing(store)[DAY1].digest}) == 3


def test_an_empty_landing_has_no_days(store):
    assert (scan_landing(store), landing_folder_days(store)) == ({}, [])


def test_a_day_that_was_never_run_differs():
    assert has_new_files(landed_day(1, 0), None)


def test_a_day_run_as_it_is_does_not_differ():
    assert not has_new_files(landed_day(2, 1), last_ingest(2, 1))
    assert not has_new_files(
        landed_day(2, 0), LastIngest({"raw_events": 2}, NOON)
    )  # a lake from before there were impressions


@pytest.mark.parametrize("seen", [last_ingest(1, 1), last_ingest(3, 1), last_ingest(2, 0)])
def test_a_file_more_or_fewer_differs(seen):
    assert has_new_files(landed_day(2, 1), seen)


def test_a_file_written_since_differs():
    assert has_new_files(landed_day(2, 1, latest=NOON + timedelta(hours=1)), last_ingest(2, 1))


def test_the_last_attempt_counts_and_its_time_is_shown(store):
    write_record(store, "raw_events", DAY1, NOON, files=1)
    write_record(store, "raw_events", DAY1, NOON + timedelta(hours=2), files=2)
    write_record(store, "impressions", DAY1, NOON + timedelta(hours=1), files=5)
    assert last_ingests(store, [DAY1, DAY2]) == {
        DAY1: LastIngest({"raw_events": 2, "impressions": 5}, NOON + timedelta(hours=2)),
    }
