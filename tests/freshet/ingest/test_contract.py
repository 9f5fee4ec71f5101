"""The contract: each rule broken once, and duplicates within and beyond the look-back."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from freshet.ingest.contract import REASONS, classify
from freshet.tables.schemas import RAW_EVENTS

FIRST_DAY = date(2024, 3, 1)
GOOD_ROW = {
    "event_id": None, "user_id": "u", "session_id": None, "item_id": "A", "event_type": "view",
    "event_time": datetime(2024, 3, 1, 12), "quantity": 1.0, "price": Decimal("1.5"), "title": None, "category": None,
    "context": None, "skipped": False, "corrupt_record": None, "landing_date": FIRST_DAY, "source_file": "a.csv",
    "source_row": 0, "source_position": 0, "flaw": None,
}  # fmt: skip


def raw_rows(spark, *row_overrides):
    """Good rows with these overrides; each has another id unless overridden."""
    rows = [{**GOOD_ROW, "event_id": f"e{n}", "source_row": n, **row} for n, row in enumerate(row_overrides, start=1)]
    return spark.createDataFrame(
        [tuple(row[name] for name in RAW_EVENTS.column_names) for row in rows], RAW_EVENTS.spark_schema
    )


def row_outcomes(frame, first_day=FIRST_DAY, last_day=FIRST_DAY + timedelta(30), lookback_days=7):
    classified_rows = classify(frame, first_day, last_day, lookback_days).orderBy(
        "landing_date", "source_file", "source_row", "source_position"
    )
    return [(row.outcome, row.reason) for row in classified_rows.select("outcome", "reason").collect()]


def landed_row(day, **overrides):
    return {"event_id": "same", "landing_date": FIRST_DAY + timedelta(day), **overrides}


def test_every_reason_is_explained_in_the_documentation():
    text = (Path(__file__).parents[3] / "docs" / "mapping.md").read_text()
    assert [code for code in REASONS if f"| `{code}` |" not in text] == []


@pytest.mark.spark
@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"corrupt_record": "x,", "item_id": None}, "unreadable"),
        ({"item_id": None, "event_time": None}, "missing_item"),
        ({"user_id": None}, "missing_shopper"),
        ({"event_time": None}, "bad_time"),
        ({"event_time": datetime(2024, 3, 3)}, "future_event"),
        ({"event_time": datetime(2014, 3, 3, 23, 59, 59)}, "ancient_event"),
        ({"event_time": datetime(1970, 1, 1)}, "ancient_event"),
        ({"event_time": datetime(1, 1, 1)}, "ancient_event"),
        ({"event_type": "click"}, "unknown_event_type"),
        ({"event_type": None}, "unknown_event_type"),
        ({"quantity": 0.0}, "bad_quantity"),
        ({"quantity": -1.0}, "bad_quantity"),
        ({"quantity": float("nan")}, "bad_quantity"),
        ({"quantity": float("inf")}, "bad_quantity"),
        ({"price": Decimal("-0.01")}, "bad_price"),
        ({"item_id": "A\ufffd"}, "bad_encoding"),
        ({"title": "\ufffdug"}, "bad_encoding"),
        ({"category": "\ufffdug"}, "bad_encoding"),
        ({"event_id": "\ufffd"}, "bad_encoding"),
        ({"flaw": "bad_encoding"}, "bad_encoding"),
        ({"flaw": "id_too_long"}, "id_too_long"),
        ({"title": "T" * 1025}, "text_too_long"),
        ({"category": "C" * 257}, "text_too_long"),
        ({"context": {"a": None, "b": "x" * 4097}}, "text_too_long"),
        ({"item_id": "A" * 257}, "id_too_long"),
        ({"event_id": "e" * 257}, "id_too_long"),
    ],
)
def test_a_broken_rule_is_the_reason(spark, row, reason):
    assert row_outcomes(raw_rows(spark, row)) == [("quarantined", reason)]
    assert reason in REASONS


@pytest.mark.spark
@pytest.mark.parametrize(
    "row",
    [
        {},
        {"user_id": None, "session_id": "s"},
        {"quantity": None, "price": None},
        {"price": Decimal(0)},
        {"event_time": datetime(2024, 3, 2, 23, 59, 59)},
        {"item_id": "A" * 256, "title": "T" * 1024, "category": "C" * 256, "context": {"a": None, "b": "x" * 4096}},
        {"event_time": datetime(2014, 3, 4)},
    ],
)
def test_a_row_that_keeps_the_contract_is_published(spark, row):
    assert row_outcomes(raw_rows(spark, row)) == [("published", None)]


@pytest.mark.spark
def test_a_skipped_row_is_not_checked(spark):
    assert row_outcomes(raw_rows(spark, {"skipped": True, "item_id": None})) == [("skipped", None)]


@pytest.mark.spark
def test_the_shopper_is_the_user_if_known_else_the_session(spark):
    rows = raw_rows(spark, {"session_id": "s"}, {"user_id": None, "session_id": "s"})
    classified_rows = classify(rows, FIRST_DAY, FIRST_DAY, 7).orderBy("source_row").collect()
    assert [row.shopper for row in classified_rows] == ["u", "s"]


@pytest.mark.spark
def test_the_first_copy_of_a_day_by_file_row_and_position_counts(spark):
    rows = raw_rows(
        spark,
        landed_row(0, source_file="b.csv", source_row=1),
        landed_row(0, source_file="a.csv", source_row=2, source_position=1),
        landed_row(0, source_file="a.csv", source_row=2, source_position=0),
    )
    assert [outcome for outcome, _ in row_outcomes(rows)] == ["published", "duplicate", "duplicate"]


@pytest.mark.spark
def test_a_copy_is_a_duplicate_within_the_look_back_only(spark):
    assert [o for o, _ in row_outcomes(raw_rows(spark, landed_row(0), landed_row(7)))] == ["published", "duplicate"]
    assert [o for o, _ in row_outcomes(raw_rows(spark, landed_row(0), landed_row(8)))] == ["published", "published"]


@pytest.mark.spark
def test_a_duplicate_makes_the_next_copy_a_duplicate_too(spark):
    # Day 10 reads all rows that landed on day 5, accepted or not: no day depends on another's outcome.
    assert [o for o, _ in row_outcomes(raw_rows(spark, landed_row(0), landed_row(5), landed_row(10)))] == [
        "published",
        "duplicate",
        "duplicate",
    ]


@pytest.mark.spark
def test_a_copy_of_a_row_that_broke_the_contract_or_was_skipped_is_no_duplicate(spark):
    invalid_row, skipped_row = landed_row(0, price=Decimal(-1)), landed_row(0, source_row=5, skipped=True)
    assert row_outcomes(raw_rows(spark, invalid_row, skipped_row, landed_row(1))) == [
        ("quarantined", "bad_price"),
        ("skipped", None),
        ("published", None),
    ]


@pytest.mark.spark
def test_a_day_alone_gives_what_it_gives_within_a_range(spark):
    rows = raw_rows(spark, *(landed_row(day) for day in (0, 3, 9, 18, 20)), {"landing_date": FIRST_DAY + timedelta(9)})
    batch_result = row_outcomes(rows)
    single_result = []
    for day in (0, 3, 9, 18, 20):
        of = FIRST_DAY + timedelta(day)
        window = rows.where((rows.landing_date >= of - timedelta(7)) & (rows.landing_date <= of))
        single_result += row_outcomes(window, of, of)
    assert single_result == batch_result
    assert [o for o, _ in batch_result] == [
        "published",
        "duplicate",
        "duplicate",
        "published",
        "published",
        "duplicate",
    ]


@pytest.mark.spark
def test_without_a_look_back_only_the_day_itself_counts(spark):
    rows = raw_rows(spark, landed_row(0), landed_row(0, source_row=9), landed_row(1))
    assert [o for o, _ in row_outcomes(rows, lookback_days=0)] == ["published", "duplicate", "published"]
