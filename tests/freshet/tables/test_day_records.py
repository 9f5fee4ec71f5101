"""Day records on a local lake: written once, the latest one counts."""

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice

import pytest

from freshet.store import Store, open_store
from freshet.tables import day_records
from freshet.tables.day_records import DayRecord, PublishAttempt

DAY1, DAY2, DAY3, DAY9 = (date(2024, 3, day) for day in (1, 2, 3, 9))


@dataclass(frozen=True)
class CountingStore(Store):
    """Counts what is opened."""

    opened: list[str] = field(default_factory=list)

    def get(self, path: str) -> bytes:
        self.opened.append(path)
        return super().get(path)


@pytest.fixture
def store(tmp_path) -> Store:
    return open_store(str(tmp_path))


def day_record(day, verdict="published", rows=1, reasons=()):
    return DayRecord(day=day, verdict=verdict, counts={"rows": rows}, why=reasons)


def publish_attempt(*records, minute=0, table="events", name="a"):
    at = datetime(2024, 3, 10, 12, minute, tzinfo=UTC)
    return PublishAttempt(table=table, attempt=name, at=at, snapshot=7, records=records)


def test_a_record_reads_as_it_was_written(store):
    refused_record = day_record(DAY2, "refused", 90, ("17 of 90 rows break the contract; mend them",))
    day_records.write_attempt(store, publish_attempt(day_record(DAY1), refused_record))
    assert day_records.latest_records(store, "events") == {DAY1: day_record(DAY1), DAY2: refused_record}


def test_a_record_of_an_earlier_version_is_read_under_its_former_names(store):
    record = {"day": "2024-03-01", "verdict": "refused", "counts": {"rows": 1}, "counted_in": ["2024-03-02"]}
    attempt = {"table": "events", "attempt": "a", "at": "2024-03-10T12:00:00Z", "snapshot": 7, "records": [record]}
    store.put("days/events/2024-03-01_2024-03-01_20240310T120000000000_a.json", json.dumps(attempt).encode())
    assert day_records.latest_records(store, "events")[DAY1].published_in == (DAY2,)


def test_an_attempt_is_one_file_named_by_days_time_and_attempt(store):
    day_records.write_attempt(store, publish_attempt(day_record(DAY3), day_record(DAY1), minute=5, name="freshet-1"))
    assert store.list("days") == ("days/events/2024-03-01_2024-03-03_20240310T120500000000_freshet-1.json",)


def test_the_latest_attempt_of_a_day_counts_however_wide_its_range(store):
    day_records.write_attempt(
        store, publish_attempt(day_record(DAY1, rows=1), day_record(DAY2, rows=1), minute=0, name="z")
    )
    day_records.write_attempt(store, publish_attempt(day_record(DAY2, rows=2), minute=2, name="a"))
    day_records.write_attempt(
        store, publish_attempt(day_record(DAY1, rows=3), day_record(DAY3, rows=3), minute=1, name="m")
    )
    assert {day: r.counts["rows"] for day, r in day_records.latest_records(store, "events").items()} == {
        DAY1: 3,
        DAY2: 2,
        DAY3: 3,
    }


def test_a_later_refusal_is_the_latest_record_of_a_day(store):
    day_records.write_attempt(store, publish_attempt(day_record(DAY1)))
    day_records.write_attempt(store, publish_attempt(day_record(DAY1, "refused", 5, ("bad",)), minute=1))
    assert day_records.latest_records(store, "events")[DAY1].verdict == "refused"


def test_only_records_of_the_given_days_are_opened(store):
    day_records.write_attempt(store, publish_attempt(day_record(DAY1), day_record(DAY3)))
    store.put("days/events/2024-03-09_2024-03-09_20240310T120000000000_b.json", b"not json")
    assert list(day_records.latest_records(store, "events", [DAY3, DAY2])) == [DAY3]
    assert day_records.latest_records(store, "events", []) == {}


def test_days_are_in_order(store):
    day_records.write_attempt(store, publish_attempt(day_record(DAY9), minute=0))
    day_records.write_attempt(store, publish_attempt(day_record(DAY1), minute=1))
    assert list(day_records.latest_records(store, "events")) == [DAY1, DAY9]


def test_tables_are_apart(store):
    day_records.write_attempt(store, publish_attempt(day_record(DAY1), table="events"))
    day_records.write_attempt(store, publish_attempt(day_record(DAY2), table="events_of_others"))
    assert list(day_records.latest_records(store, "events")) == [DAY1]


def test_a_lake_without_runs_has_no_records(store):
    assert day_records.latest_records(store, "events") == {}
    assert day_records.last_published_day(store, "events") is None


def test_the_last_day_published_is_one_that_has_rows_and_was_not_refused(store):
    day_records.write_attempt(
        store,
        publish_attempt(day_record(DAY1), day_record(DAY2), day_record(DAY3, rows=0), day_record(DAY9, "refused")),
    )
    day_records.write_attempt(store, publish_attempt(day_record(DAY9, "empty", rows=0), minute=1))
    assert day_records.last_published_day(store, "events") == DAY2


def test_a_day_that_is_not_over_is_the_last_only_where_there_is_no_other(store):
    day_records.write_attempt(store, publish_attempt(day_record(DAY3)))
    assert day_records.last_published_day(store, "events", today=DAY3) == DAY3
    day_records.write_attempt(store, publish_attempt(day_record(DAY1), minute=1))
    assert day_records.last_published_day(store, "events", today=DAY3) == DAY1
    assert day_records.last_published_day(store, "events", today=DAY9) == DAY3


def test_an_attempt_is_never_written_over(store):
    day_records.write_attempt(store, publish_attempt(day_record(DAY1, rows=1)))
    day_records.write_attempt(store, publish_attempt(day_record(DAY1, rows=2)))
    assert day_records.latest_records(store, "events")[DAY1].counts == {"rows": 1}


@pytest.fixture
def busy_store(store, tmp_path) -> CountingStore:
    """A lake in which 20 days were each run 15 times, rows counting up, and the last of them was refused at the end."""
    for day in range(20):
        for minute in range(15):
            day_records.write_attempt(
                store, publish_attempt(day_record(DAY1 + timedelta(days=day), rows=minute + 1), minute=minute)
            )
    day_records.write_attempt(store, publish_attempt(day_record(DAY1 + timedelta(days=19), "refused"), minute=20))
    return CountingStore(str(tmp_path))


def test_the_last_published_day_opens_one_record_for_each_day_checked(busy_store):
    assert day_records.last_published_day(busy_store, "events") == DAY1 + timedelta(days=18)
    assert len(busy_store.opened) == 2


def test_only_the_latest_record_of_each_day_is_opened(busy_store):
    records = day_records.latest_records(busy_store, "events")
    assert [record.counts["rows"] for record in records.values()] == [*[15] * 19, 1]
    assert len(busy_store.opened) == 20
    busy_store.opened.clear()
    assert list(day_records.latest_records(busy_store, "events", [DAY3, DAY2])) == [DAY2, DAY3]
    assert len(busy_store.opened) == 2


def test_published_days_come_last_first_and_open_one_record_each(busy_store):
    assert list(islice(day_records.published_days(busy_store, "events", until=DAY9), 2)) == [
        DAY9,
        DAY9 - timedelta(days=1),
    ]
    assert len(busy_store.opened) == 2
    assert list(day_records.published_days(busy_store, "events", after=DAY2, until=DAY3)) == [DAY3]
    assert len(busy_store.opened) == 3


def test_a_day_between_two_of_an_attempt_is_looked_for_in_earlier_ones(store):
    day_records.write_attempt(store, publish_attempt(day_record(DAY2, rows=2), minute=0))
    day_records.write_attempt(store, publish_attempt(day_record(DAY1, rows=1), day_record(DAY3, rows=3), minute=1))
    assert {day: r.counts["rows"] for day, r in day_records.latest_records(store, "events").items()} == {
        DAY1: 1,
        DAY2: 2,
        DAY3: 3,
    }


def test_a_record_of_an_earlier_version_is_read_under_the_new_names():
    record = DayRecord.model_validate_json(
        '{"day":"2024-03-06","verdict":"refused","counts":{"rows":564,"instants":596,"late":0,"priced":564,"free":3,'
        '"items":56,"largest_item":28,"largest_shopper":45,"known_events":560,"compared_events":564,"known_users":29,'
        '"compared_users":47},"why":["17 ids"],"sources":{},"counted_in":["2024-03-04"]}'
    )
    assert record == DayRecord(
        day=date(2024, 3, 6),
        verdict="refused",
        counts={
            "rows": 564, "distinct_times": 596, "old_events": 0, "priced": 564, "zero_prices": 3, "items": 56,
            "max_item_events": 28, "max_shopper_events": 45, "seen_item_events": 560, "compared_events": 564,
            "seen_users": 29, "compared_users": 47,
        },
        why=("17 ids",),
        published_in=(date(2024, 3, 4),),
    )  # fmt: skip
