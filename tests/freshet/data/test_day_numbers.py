"""Days as numbers since 1970."""

from datetime import date

import pytest

from freshet.data.day_numbers import day_from_number, day_number
from tests.world import DAY1, DAY1_NUMBER, DAY3, DAY3_NUMBER


@pytest.mark.parametrize(("day", "number"), [(date(1970, 1, 1), 0), (DAY1, DAY1_NUMBER), (DAY3, DAY3_NUMBER)])
def test_a_day_is_numbered_from_1970_and_converted_back(day, number):
    assert day_number(day) == number
    assert day_from_number(number) == day
