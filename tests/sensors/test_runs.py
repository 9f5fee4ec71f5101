"""Which days a run speaks for."""

from datetime import date

import pytest

from sensors.runs import days_of, range_tags

D1, D2, D3 = (date(2024, 3, day) for day in (1, 2, 3))


@pytest.mark.parametrize(
    ("tags", "days"),
    [
        ({"dagster/partition": "2024-03-02"}, [D2]),
        (range_tags(D1, D3), [D1, D2, D3]),
        (range_tags(D2, D2), [D2]),
        ({"other": "2024-03-02"}, []),
    ],
)
def test_a_run_speaks_for_its_partition_or_its_range(tags, days):
    assert days_of(tags) == days
