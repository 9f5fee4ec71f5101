"""Verdicts of days on a local lake: written once, the latest one counts."""

from datetime import UTC, date, datetime

import pytest

from freshet import days
from freshet.days import Attempt, DayRecord
from freshet.store import Store, open_store

DAY1, DAY2, DAY3, DAY9 = (date(2024, 3, day) for day in (1, 2, 3, 9))


@pytest.fixture
def store(tmp_path) -> Store:
    return open_store(str(tmp_path))


def record(day, verdict="published", rows=1, why=()):
    return DayRecord(day=day, verdict=verdict, counts={"rows": rows}, why=why)


def attempt(*records, minute=0, table="events", name="a"):
    at = datetime(2024, 3, 10, 12, minute, tzinfo=UTC)
    return Attempt(table=table, attempt=name, at=at, snapshot=7, records=records)


def test_a_record_reads_as_it_was_written(store):
    refused = record(DAY2, "refused", 90, ("17 of 90 rows break the contract; mend them",))
    days.write(store, attempt(record(DAY1), refused))
    assert days.read(store, "events") == {DAY1: record(DAY1), DAY2: refused}


def test_an_attempt_is_one_file_named_by_days_time_and_attempt(store):
    days.write(store, attempt(record(DAY3), record(DAY1), minute=5, name="freshet-1"))
    assert store.list("days") == ("days/events/2024-03-01_2024-03-03_20240310T120500000000_freshet-1.json",)


def test_the_latest_attempt_of_a_day_counts_however_wide_its_range(store):
    days.write(store, attempt(record(DAY1, rows=1), record(DAY2, rows=1), minute=0, name="z"))
    days.write(store, attempt(record(DAY2, rows=2), minute=2, name="a"))
    days.write(store, attempt(record(DAY1, rows=3), record(DAY3, rows=3), minute=1, name="m"))
    assert {day: r.counts["rows"] for day, r in days.read(store, "events").items()} == {DAY1: 3, DAY2: 2, DAY3: 3}


def test_a_refusal_after_a_publication_is_what_is_known_of_the_day(store):
    days.write(store, attempt(record(DAY1)))
    days.write(store, attempt(record(DAY1, "refused", 5, ("bad",)), minute=1))
    assert days.read(store, "events")[DAY1].verdict == "refused"


def test_of_given_days_only_those_are_read_and_no_other_file_is_opened(store):
    days.write(store, attempt(record(DAY1), record(DAY3)))
    store.put("days/events/2024-03-09_2024-03-09_20240310T120000000000_b.json", b"not json")
    assert list(days.read(store, "events", [DAY3, DAY2])) == [DAY3]
    assert days.read(store, "events", []) == {}


def test_days_are_in_order(store):
    days.write(store, attempt(record(DAY9), minute=0))
    days.write(store, attempt(record(DAY1), minute=1))
    assert list(days.read(store, "events")) == [DAY1, DAY9]


def test_tables_are_apart(store):
    days.write(store, attempt(record(DAY1), table="events"))
    days.write(store, attempt(record(DAY2), table="events_of_others"))
    assert list(days.read(store, "events")) == [DAY1]


def test_nothing_was_run_yet(store):
    assert days.read(store, "events") == {}
    assert days.last_published(store, "events") is None


def test_the_last_day_published_is_one_that_has_rows_and_was_not_refused(store):
    days.write(store, attempt(record(DAY1), record(DAY2), record(DAY3, rows=0), record(DAY9, "refused")))
    assert days.last_published(store, "events") == DAY2


def test_a_day_that_is_not_over_is_the_last_only_where_there_is_no_other(store):
    days.write(store, attempt(record(DAY3)))
    assert days.last_published(store, "events", today=DAY3) == DAY3
    days.write(store, attempt(record(DAY1), minute=1))
    assert days.last_published(store, "events", today=DAY3) == DAY1
    assert days.last_published(store, "events", today=DAY9) == DAY3


def test_an_attempt_is_never_written_over(store):
    days.write(store, attempt(record(DAY1, rows=1)))
    days.write(store, attempt(record(DAY1, rows=2)))
    assert days.read(store, "events")[DAY1].counts == {"rows": 1}
