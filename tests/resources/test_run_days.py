"""The days of a run, from and to tags."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.run_days import contiguous_ranges, days_from_tags, range_tags

DAY1, DAY2, DAY3 = (date(2024, 3, day) for day in (1, 2, 3))
SOME_DAYS = st.sets(st.integers(0, 60), min_size=1).map(
    lambda numbers: [DAY1 + timedelta(days=n) for n in sorted(numbers)]
)


@pytest.mark.parametrize(
    ("tags", "days"),
    [
        ({"dagster/partition": "2024-03-02"}, [DAY2]),
        (range_tags([DAY1, DAY2, DAY3]), [DAY1, DAY2, DAY3]),
        (range_tags([DAY2]), [DAY2]),
        ({"other": "2024-03-02"}, []),
    ],
)
def test_a_run_has_the_days_of_its_partition_or_range(tags, days):
    assert days_from_tags(tags) == days


def test_days_with_a_gap_are_listed_in_a_tag():
    assert range_tags([DAY1, DAY2, date(2024, 3, 9)]) == {
        "dagster/asset_partition_range_start": "2024-03-01",
        "dagster/asset_partition_range_end": "2024-03-09",
        "freshet/days": "2024-03-01...2024-03-02 2024-03-09",
    }


@given(SOME_DAYS)
def test_tags_and_days_round_trip(days):
    assert days_from_tags(range_tags(days)) == days


@given(SOME_DAYS)
def test_groups_hold_all_days_without_gaps(days):
    groups = contiguous_ranges(days)
    assert [day for group in groups for day in group] == days
    assert all(len(group) == (group[-1] - group[0]).days + 1 for group in groups)
    assert all(later[0] - group[-1] > timedelta(days=1) for group, later in pairwise(groups))
