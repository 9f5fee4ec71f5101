"""Stale days: built from an older attempt of an upstream table, by the day records."""

from datetime import UTC, date, datetime, timedelta

import pytest

from freshet.store import open_store
from freshet.tables import day_records, stale_days
from freshet.tables.day_records import DayRecord, PublishAttempt

DAY = date(2024, 3, 2)
NEXT_DAY = date(2024, 3, 3)


@pytest.fixture
def write_attempt(settings):
    """Write the attempt `name` at a table and day, later than all before."""
    store = open_store(settings.lake)
    times = iter(datetime(2024, 3, 10, tzinfo=UTC) + timedelta(hours=n) for n in range(100))

    def write(table, name, day=DAY, verdict="published", **sources):
        record = DayRecord(day=day, verdict=verdict, counts={"rows": 1}, sources=sources)
        attempt = PublishAttempt(table=table, attempt=name, at=next(times), snapshot=1, records=(record,))
        day_records.write_attempt(store, attempt)
        return store

    return write


def test_a_day_made_from_the_latest_attempt_is_not_stale(write_attempt):
    write_attempt("events", "e1")
    store = write_attempt("histories", "h1", events="e1")
    assert stale_days.stale_days(store, "histories") == []
    assert stale_days.upstream_attempts(store, "histories", [DAY, NEXT_DAY]) == {DAY: {"events": "e1"}, NEXT_DAY: {}}


def test_a_day_whose_upstream_was_published_again_is_stale(write_attempt):
    write_attempt("events", "e1")
    write_attempt("histories", "h1", events="e1")
    store = write_attempt("events", "e2")
    assert stale_days.stale_days(store, "histories") == [DAY]
    assert stale_days.stale_days(store, "histories", [NEXT_DAY]) == []


def test_a_day_that_the_table_never_got_to_is_stale(write_attempt):
    assert stale_days.stale_days(write_attempt("events", "e1"), "histories") == [DAY]


def test_a_day_whose_upstream_was_refused_waits(write_attempt):
    write_attempt("events", "e1")
    write_attempt("histories", "h1", events="e1")
    store = write_attempt("events", "e2", verdict="refused")
    assert stale_days.stale_days(store, "histories") == []


def test_a_record_of_an_older_freshet_does_not_make_its_day_stale(write_attempt):
    write_attempt("events", "e1")
    store = write_attempt("histories", "h1")
    assert stale_days.stale_days(store, "histories") == []


def test_events_wait_for_a_quarantine_that_is_older_than_the_raw_rows(write_attempt):
    write_attempt("raw_events", "r1")
    write_attempt("quarantined_events", "q1", raw_events="r1")
    write_attempt("events", "e1", raw_events="r1", quarantined_events="q1")
    store = write_attempt("raw_events", "r2")
    assert (stale_days.stale_days(store, "quarantined_events"), stale_days.stale_days(store, "events")) == ([DAY], [])
    write_attempt("quarantined_events", "q2", raw_events="r2")
    assert (stale_days.stale_days(store, "quarantined_events"), stale_days.stale_days(store, "events")) == ([], [DAY])


def test_the_days_around_and_after_some_days():
    days = {date(2024, 3, 10), date(2024, 3, 12)}
    assert sorted(day.day for day in stale_days.days_around(days, 2)) == [8, 9, 10, 11, 12, 13, 14]
    assert sorted(day.day for day in stale_days.days_after(days, 2)) == [11, 13, 14]
