"""Days as whole numbers since 1970-01-01, as arrays and training sets hold them."""

from datetime import date, timedelta
from typing import Final

EPOCH: Final = date(1970, 1, 1)


def day_number(day: date) -> int:
    """Return the days from 1970-01-01 to `day`."""
    return (day - EPOCH).days


def day_from_number(number: int) -> date:
    """Return the day that lies `number` days after 1970-01-01."""
    return EPOCH + timedelta(days=number)
