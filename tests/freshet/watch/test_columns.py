"""The columns that are compared, worked out by hand on a few rows."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from freshet.watch.columns import COLUMNS, Bands, bands_of, compared

DAY = date(2024, 3, 1)
NO_BANDS = Bands(frozenset(), (), {})


def events(**columns: list) -> pd.DataFrame:
    """A few events; what is not given is the same in all of them."""
    rows = len(next(iter(columns.values())))
    given = {
        "event_type": ["view"] * rows, "category": ["shoes"] * rows, "price": [10.0] * rows,
        "event_time": pd.to_datetime(["2024-03-01T10:30:00Z"] * rows), "item_id": ["a"] * rows,
        "user_id": ["u"] * rows, "shopper": ["u"] * rows, "landing_date": [DAY] * rows,
    }  # fmt: skip
    return pd.DataFrame({**given, **columns})


def features(events: list[int], purchases: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"events": events, "purchases": purchases, "landing_date": [DAY] * len(events)})


NOBODY = features([], [])


def values(name: str, rows: pd.DataFrame, bands: Bands = NO_BANDS, shopper_days: pd.DataFrame = NOBODY) -> list[str]:
    return list(compared(rows, shopper_days, bands)[name].dropna())


def test_every_column_is_there_and_each_row_fills_its_own():
    frame = compared(events(item_id=["a", "b"]), features([3], [1]), NO_BANDS)
    assert list(frame) == ["day", *COLUMNS]
    assert list(frame["day"]) == [DAY] * 3
    assert list(frame["event type"].notna()) == [True, True, False]
    assert list(frame["events of a shopper and day"].notna()) == [False, False, True]


def test_hours_are_bands_of_three():
    times = pd.to_datetime(["2024-03-01T00:00:00Z", "2024-03-01T02:59:59Z", "2024-03-01T21:00:00Z"])
    assert values("hour", events(event_time=list(times))) == ["00 to 03", "00 to 03", "21 to 24"]


def test_a_guest_is_an_event_without_a_user():
    assert values("guest or user", events(user_id=["u", None])) == ["user", "guest"]


def test_an_event_about_the_item_of_the_one_before_is_told_apart_by_how_soon_it_came():
    rows = events(
        item_id=["a", "a", "a", "b", "a", "b"],
        event_time=[pd.Timestamp(f"2024-03-01T10:00:{second:02d}Z") for second in (0, 1, 30, 31, 5, 40)],
        shopper=["u", "u", "u", "u", "v", "v"],
    )
    assert values("same item again", rows) == ["within 5 s", "later that day", "no", "no"]


def test_a_shoppers_first_event_of_a_day_has_none_before_it():
    rows = events(item_id=["a", "a"], landing_date=[DAY, date(2024, 3, 2)])
    assert values("same item again", rows) == []


def test_prices_are_cut_where_the_reference_has_equal_shares():
    bands = bands_of(events(price=[float(price) for price in range(1, 9)]))
    assert bands.prices == (1.875, 2.75, 3.625, 4.5, 5.375, 6.25, 7.125)
    found = values("price band", events(price=[0.5, 1.875, 7.0, 7.125, 99.0, np.nan]), bands)
    assert found == ["below 1.875", "1.875 to 2.75", "6.25 to 7.125", "from 7.125", "from 7.125", "none"]


def test_a_shop_without_prices_has_no_bands():
    without = events(price=[np.nan, np.nan])
    assert bands_of(without).prices == ()
    assert values("price band", without, bands_of(without)) == ["none", "none"]


def test_one_price_everywhere_is_one_edge():
    bands = bands_of(events(price=[5.0, 5.0]))
    assert values("price band", events(price=[4.0, 5.0]), bands) == ["below 5", "from 5"]


def test_the_head_makes_half_of_all_events_and_the_middle_the_next_thirty_percent():
    reference = events(item_id=["a"] * 5 + ["b"] * 3 + ["c"] + ["d"])
    assert bands_of(reference).popularity == {"a": "head", "b": "middle"}
    assert values("item popularity", events(item_id=["a", "b", "c", "new"]), bands_of(reference)) == [
        "head", "middle", "tail", "tail",
    ]  # fmt: skip


def test_small_categories_are_one():
    large = [f"c{number:02d}" for number in range(20) for _ in range(2)]
    bands = bands_of(events(category=[*large, "small", None]))
    assert values("category", events(category=["c00", "small", None, "new"]), bands) == ["c00", *["another one"] * 3]


@pytest.mark.parametrize(
    ("count", "band"),
    [(0, "0"), (1, "1"), (2, "2"), (3, "3 to 4"), (4, "3 to 4"), (5, "5 to 8"), (16, "9 to 16"), (17, "more than 16")],
)
def test_counts_of_a_shopper_and_day_are_bands(count, band):
    assert values("events of a shopper and day", events(item_id=["a"]), NO_BANDS, features([count], [0])) == [band]
