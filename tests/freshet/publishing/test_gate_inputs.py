"""Gate inputs: counts of landed files and of upstream tables."""

from datetime import UTC, datetime, timedelta

import pytest

from freshet.ingest.read_landing import LandedFileIssue
from freshet.landing import LandedFile
from freshet.publishing import gate_inputs
from freshet.store import open_store
from freshet.tables import day_records
from freshet.tables.day_records import DayRecord, PublishAttempt
from tests.world import DAY1, DAY2, DAY3, DAYS

FILE_A, FILE_B = LandedFile(DAY1, "dt=2024-03-01/a.csv"), LandedFile(DAY1, "dt=2024-03-01/b.csv")


@pytest.fixture
def store(tmp_path):
    """Day 1 of raw_events is published, day 2 was refused, day 3 was never run."""
    lake = open_store(str(tmp_path))
    records = (
        DayRecord(day=DAY1, verdict="published", counts={"rows": 7, "skipped": 1}),
        DayRecord(day=DAY2, verdict="refused", counts={"rows": 0}, why=("a.csv is empty; send it", "one; two")),
    )
    day_records.write_attempt(
        lake, PublishAttempt(table="raw_events", attempt="a", at=datetime.now(UTC), snapshot=1, records=records)
    )
    return lake


def test_the_look_back_adds_the_days_before_sorted():
    assert gate_inputs.with_lookback([DAY3], 2) == [DAY1, DAY2, DAY3]
    assert gate_inputs.with_lookback([DAY1, DAY3], 0) == [DAY1, DAY3]
    assert gate_inputs.with_lookback([DAY1, DAY3], 1) == [DAY1 - timedelta(days=1), DAY1, DAY2, DAY3]


def test_files_and_their_problems_are_listed_by_day():
    problems = [
        LandedFileIssue(FILE_A, "is empty", "deliver it again"),
        LandedFileIssue(FILE_B, "is damaged", "deliver the file again"),
    ]
    assert gate_inputs.landing_inputs([DAY1, DAY2], [FILE_A, FILE_B], problems) == {
        "files": {DAY1: 2, DAY2: 0},
        "broken_files": {DAY1: 2, DAY2: 0},
        "file_problems": {
            DAY1: "dt=2024-03-01/a.csv is empty (deliver it again), "
            "dt=2024-03-01/b.csv is damaged (deliver the file again)",
            DAY2: "",
        },
        "undelivered": {DAY1: 0, DAY2: 1},
    }


def test_a_day_refused_or_never_run_upstream_is_missing_with_the_reason(store):
    inputs, records = gate_inputs.upstream_inputs(store, "raw_events", DAYS)
    assert inputs == {
        "upstream_missing": {DAY1: 0, DAY2: 1, DAY3: 1},
        "upstream_reason": {
            DAY1: "",
            DAY2: "raw_events of that day were refused (a.csv is empty; send it; one; two)",
            DAY3: "raw_events of that day are not published",
        },
        "undelivered": dict.fromkeys(DAYS, 0),
    }
    assert list(records) == [DAY1, DAY2]


def test_a_day_that_is_empty_upstream_is_undelivered_and_not_missing(store):
    empty = DayRecord(day=DAY3, verdict="empty", counts={"rows": 0, "files": 0})
    day_records.write_attempt(
        store, PublishAttempt(table="raw_events", attempt="b", at=datetime.now(UTC), snapshot=1, records=(empty,))
    )
    inputs, _ = gate_inputs.upstream_inputs(store, "raw_events", [DAY1, DAY3])
    assert (inputs["upstream_missing"], inputs["undelivered"]) == ({DAY1: 0, DAY3: 0}, {DAY1: 0, DAY3: 1})


def test_the_expected_count_is_one_upstream_count_minus_another(store):
    _, records = gate_inputs.upstream_inputs(store, "raw_events", DAYS)
    assert gate_inputs.expected_counts(records, DAYS, "rows") == {DAY1: 7, DAY2: 0, DAY3: 0}
    assert gate_inputs.expected_counts(records, DAYS, "rows", "skipped") == {DAY1: 6, DAY2: 0, DAY3: 0}


def test_the_accounting_uses_the_counts_of_the_other_gates(store):
    _, raw = gate_inputs.upstream_inputs(store, "raw_events", DAYS)
    counts = {"rows": 3, "missing_item": 1, "bad_price": 2}
    quarantined = {DAY1: DayRecord(day=DAY1, verdict="published", counts=counts)}
    assert gate_inputs.accounting_inputs([DAY1, DAY3], raw, quarantined, {DAY1: 2}) == {
        "files": {DAY1: 0, DAY3: 0},
        "landed": {DAY1: 7, DAY3: 0},
        "skipped": {DAY1: 1, DAY3: 0},
        "quarantined": {DAY1: 3, DAY3: 0},
        "duplicate": {DAY1: 2, DAY3: 0},
        "top_reason": {DAY1: "bad_price 2", DAY3: "none"},
    }


def test_miscounted_files_are_named():
    read_counts = {(DAY1, FILE_A.name): 151, (DAY1, FILE_B.name): 14}
    assert gate_inputs.read_inputs([DAY1, DAY2], {FILE_A: 200, FILE_B: 7}, read_counts) == {
        "files_read": {DAY1: 2, DAY2: 0},
        "unread_records": {DAY1: 49, DAY2: 0},
        "records_read_twice": {DAY1: 7, DAY2: 0},
        "miscounted_files": {
            DAY1: "dt=2024-03-01/a.csv holds 200 records and 151 were read, "
            "dt=2024-03-01/b.csv holds 7 records and 14 were read",
            DAY2: "",
        },
    }
