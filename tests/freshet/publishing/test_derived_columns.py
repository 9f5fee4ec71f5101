"""Columns of a profile that follow from its counts, worked out by hand."""

from datetime import date

import pandas as pd
import pytest

from freshet.publishing.derived_columns import add_derived_columns, add_index_columns
from tests.world import DAY1, DAY2, DAY3, DAYS


def profile_frame(*days: date, **columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame(columns, index=list(days))


def test_counts_that_differ_from_the_expected_ones_are_a_mismatch():
    counts = profile_frame(DAY1, DAY2, counted=[4, 4])
    actual = add_derived_columns(counts, {"expected": {DAY1: 4, DAY2: 6}})
    assert list(actual["count_mismatch"]) == [0, 2]
    assert list(counts.columns) == ["counted"]  # what was handed in is left as it is


def test_without_a_count_the_rows_are_compared_with_the_expected_ones():
    assert list(add_derived_columns(profile_frame(DAY1, rows=[3]), {"expected": {DAY1: 1}})["count_mismatch"]) == [2]


def test_unaccounted_rows_and_the_bad_share_follow_from_the_counts():
    counts = profile_frame(DAY1, DAY2, DAY3, rows=[4, 3, 0])
    accounts = {"landed": [7, 5, 0], "skipped": [1, 0, 0], "quarantined": [1, 1, 0], "duplicate": [1, 0, 0]}
    result = add_derived_columns(
        counts, {name: dict(zip(DAYS, values, strict=True)) for name, values in accounts.items()}
    )
    assert list(result["candidates"]) == [6, 5, 0]
    assert list(result["unaccounted_rows"]) == [0, 1, 0]
    assert list(result["bad_share"].fillna(-1)) == [1 / 6, 0.2, -1]


def test_surplus_rows_are_unaccounted_like_lost_ones():
    counts = profile_frame(DAY1, rows=[9], landed=[5], skipped=[0], quarantined=[0], duplicate=[0])
    assert list(add_derived_columns(counts, {})["unaccounted_rows"]) == [4]


def test_files_without_rows_are_not_counted_on_a_day_with_a_broken_file():
    counts = profile_frame(
        DAY1, DAY2, files=[3, 3], files_read=[2, 0], broken_files=[0, 1], skipped=[0, 0], rows=[9, 0]
    )
    assert list(add_derived_columns(counts, {})["files_without_rows"]) == [1, 0]


def test_the_untitled_share_is_empty_without_items():
    shares = add_derived_columns(profile_frame(DAY1, DAY2, rows=[4, 0], untitled=[1, 0]), {})["untitled_share"]
    assert list(shares.fillna(-1)) == [0.25, -1]


@pytest.mark.parametrize(
    ("lowest", "highest", "rows", "shared", "gaps"),
    [(1, 4, 4, 0, 0), (1, 5, 4, 0, 1), (0, 3, 4, 0, 2), (2, 4, 3, 0, 2), (1, 3, 4, 1, 2), (0, 0, 0, 0, 0)],
)
def test_indexes_are_dense_when_they_run_from_one_to_the_number_of_items(lowest, highest, rows, shared, gaps):
    counts = pd.DataFrame([{"lowest_index": lowest, "highest_index": highest, "rows": rows, "shared_indexes": shared}])
    assert list(add_index_columns(counts)["index_gaps"]) == [gaps]


@pytest.mark.parametrize(
    ("lowest", "highest", "latest", "unknown", "leaked"),
    [(1, 4, 19785, 0, 0), (0, 4, 19785, 1, 0), (1, 5, 19785, 1, 0), (1, 4, 19786, 0, 1)],
)
def test_unknown_items_and_leaked_rows_of_a_training_set_are_counted(lowest, highest, latest, unknown, leaked):
    row = {"lowest_item": lowest, "highest_item": highest, "vocabulary_size": 4, "latest_day": latest}
    actual = add_index_columns(pd.DataFrame([{**row, "as_of": "2024-03-03"}]))
    assert (list(actual["unknown_items"]), list(actual["leaked_rows"])) == ([unknown], [leaked])
