"""Bins of a few rows, worked out by hand."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from freshet.monitoring.binning import COLUMNS, Bins, bin_columns, fit_bins

DAY = date(2024, 3, 1)
NO_BINS = Bins(frozenset(), (), {})


def events_frame(**columns: list) -> pd.DataFrame:
    """A few events; what is not given is the same in all of them."""
    rows = len(next(iter(columns.values())))
    fields = {
        "event_type": ["view"] * rows, "category": ["shoes"] * rows, "price": [10.0] * rows,
        "event_time": pd.to_datetime(["2024-03-01T10:30:00Z"] * rows), "item_id": ["a"] * rows,
        "user_id": ["u"] * rows, "shopper": ["u"] * rows, "landing_date": [DAY] * rows,
    }  # fmt: skip
    return pd.DataFrame({**fields, **columns})


def features_frame(events: list[int], purchases: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"events": events, "purchases": purchases, "landing_date": [DAY] * len(events)})


NO_SHOPPERS = features_frame([], [])


def column_values(
    name: str, rows: pd.DataFrame, bands: Bins = NO_BINS, shopper_days: pd.DataFrame = NO_SHOPPERS
) -> list[str]:
    return list(bin_columns(rows, shopper_days, bands)[name].dropna())


def test_every_row_has_values_in_its_own_columns():
    frame = bin_columns(events_frame(item_id=["a", "b"]), features_frame([3], [1]), NO_BINS)
    assert list(frame) == ["day", *COLUMNS]
    assert list(frame["day"]) == [DAY] * 3
    assert list(frame["event type"].notna()) == [True, True, False]
    assert list(frame["events of a shopper and day"].notna()) == [False, False, True]


def test_hours_are_bins_of_three():
    times = pd.to_datetime(["2024-03-01T00:00:00Z", "2024-03-01T02:59:59Z", "2024-03-01T21:00:00Z"])
    assert column_values("hour", events_frame(event_time=list(times))) == ["00 to 03", "00 to 03", "21 to 24"]


def test_a_guest_is_an_event_without_a_user():
    assert column_values("guest or user", events_frame(user_id=["u", None])) == ["user", "guest"]


def test_repeats_of_an_item_are_binned_by_their_delay():
    rows = events_frame(
        item_id=["a", "a", "a", "b", "a", "b"],
        event_time=[pd.Timestamp(f"2024-03-01T10:00:{second:02d}Z") for second in (0, 1, 30, 31, 5, 40)],
        shopper=["u", "u", "u", "u", "v", "v"],
    )
    assert column_values("same item again", rows) == ["within 5 s", "later that day", "no", "no"]


def test_a_shoppers_first_event_of_a_day_is_missing_in_the_repeat_column():
    rows = events_frame(item_id=["a", "a"], landing_date=[DAY, date(2024, 3, 2)])
    assert column_values("same item again", rows) == []


def test_price_bins_are_quantiles_of_the_reference():
    bands = fit_bins(events_frame(price=[float(price) for price in range(1, 9)]))
    assert bands.price_edges == (1.875, 2.75, 3.625, 4.5, 5.375, 6.25, 7.125)
    bands_found = column_values("price band", events_frame(price=[0.5, 1.875, 7.0, 7.125, 99.0, np.nan]), bands)
    assert bands_found == ["below 1.875", "1.875 to 2.75", "6.25 to 7.125", "from 7.125", "from 7.125", "none"]


def test_a_shop_without_prices_has_one_bin():
    without_prices = events_frame(price=[np.nan, np.nan])
    assert fit_bins(without_prices).price_edges == ()
    assert column_values("price band", without_prices, fit_bins(without_prices)) == ["none", "none"]


def test_one_price_everywhere_is_one_edge():
    bands = fit_bins(events_frame(price=[5.0, 5.0]))
    assert column_values("price band", events_frame(price=[4.0, 5.0]), bands) == ["below 5", "from 5"]


def test_the_head_makes_half_of_all_events_and_the_middle_the_next_thirty_percent():
    reference = events_frame(item_id=["a"] * 5 + ["b"] * 3 + ["c"] + ["d"])
    assert fit_bins(reference).item_popularity == {"a": "head", "b": "middle"}
    assert column_values("item popularity", events_frame(item_id=["a", "b", "c", "new"]), fit_bins(reference)) == [
        "head", "middle", "tail", "tail",
    ]  # fmt: skip


def test_small_categories_share_one_bin():
    large = [f"c{number:02d}" for number in range(20) for _ in range(2)]
    bands = fit_bins(events_frame(category=[*large, "small", None]))
    assert column_values("category", events_frame(category=["c00", "small", None, "new"]), bands) == [
        "c00",
        *["another one"] * 3,
    ]


@pytest.mark.parametrize(
    ("count", "band"),
    [(0, "0"), (1, "1"), (2, "2"), (3, "3 to 4"), (4, "3 to 4"), (5, "5 to 8"), (16, "9 to 16"), (17, "more than 16")],
)
def test_counts_of_a_shopper_and_day_are_binned(count, band):
    assert column_values(
        "events of a shopper and day", events_frame(item_id=["a"]), NO_BINS, features_frame([count], [0])
    ) == [band]
