"""The columns of the drift report: every value of events and shopper days as one of a few labels (bins)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from freshet.data.columns import CATEGORY, EVENT_TIME, EVENT_TYPE, ITEM_ID, LANDING_DATE, PRICE, SHOPPER, USER_ID

if TYPE_CHECKING:
    import pandas as pd

EVENT_COLUMNS: Final = (
    "event type",
    "category",
    "price band",
    "hour",
    "item popularity",
    "guest or user",
    "same item again",
)
SHOPPER_DAY_COLUMNS: Final = {"events of a shopper and day": "events", "purchases of a shopper and day": "purchases"}
COLUMNS: Final = (*EVENT_COLUMNS, *SHOPPER_DAY_COLUMNS)
DAY_COLUMN: Final = "day"
MAX_CATEGORIES: Final = 20  # the largest ones; all others share one bin
PRICE_BINS: Final = 8
HOURS_PER_BIN: Final = 3
HEAD_SHARE: Final = 0.5  # head: the most frequent items, which make up this share of all events
MIDDLE_SHARE: Final = 0.8  # head and middle together; all other items are the tail
IMMEDIATE_REPEAT_S: Final = 5  # a repeat this soon follows no other page: often a tracker that sends events twice


@dataclass(frozen=True)
class Bins:
    """Bin edges, fitted to the reference days only."""

    categories: frozenset[str]
    price_edges: Sequence[float]  # ascending; k edges make k + 1 bins
    item_popularity: Mapping[str, str]  # item id → "head" or "middle"; all others are tail


def fit_bins(reference: "pd.DataFrame") -> Bins:
    """Return the bins of the reference: largest categories, price quantiles, items by their number of events."""
    categories = reference[CATEGORY].fillna("none").value_counts().index[:MAX_CATEGORIES]
    prices = reference[PRICE].dropna().astype(float)
    edges = np.unique(prices.quantile(np.linspace(0, 1, PRICE_BINS + 1)[1:-1])) if len(prices) else np.zeros(0)
    counts = reference[ITEM_ID].value_counts()
    preceding_share = (counts.cumsum() - counts) / max(1, int(counts.sum()))
    popularity = {
        str(item): "head" if share < HEAD_SHARE else "middle"
        for item, share in preceding_share.items()
        if share < MIDDLE_SHARE
    }
    return Bins(frozenset(map(str, categories)), tuple(float(edge) for edge in edges), popularity)


def bin_columns(events: "pd.DataFrame", user_features: "pd.DataFrame", bins: Bins) -> "pd.DataFrame":
    """Return `day` and the binned COLUMNS as strings: one row per event, then one row per shopper and day.

    A row has values in the columns of its own kind only. events: the table's columns event_type, category, price,
    event_time, item_id, user_id, shopper and landing_date. user_features: events, purchases and landing_date.
    """
    import pandas as pd

    return pd.concat([_bin_events(events, bins), _bin_shopper_days(user_features)], ignore_index=True)


def _bin_events(events: "pd.DataFrame", bins: Bins) -> "pd.DataFrame":
    import pandas as pd

    category = events[CATEGORY].fillna("none").astype(str)
    return pd.DataFrame(
        {
            DAY_COLUMN: events[LANDING_DATE],
            "event type": events[EVENT_TYPE].astype(str),
            "category": category.where(category.isin(bins.categories), "another one"),
            "price band": _bin_prices(events[PRICE], bins.price_edges),
            "hour": _bin_hours(events[EVENT_TIME]),
            "item popularity": events[ITEM_ID].astype(str).map(bins.item_popularity).fillna("tail"),
            "guest or user": np.where(events[USER_ID].isna(), "guest", "user"),
            "same item again": _bin_repeats(events),
        }
    )


def _bin_shopper_days(user_features: "pd.DataFrame") -> "pd.DataFrame":
    import pandas as pd

    counts = {column: _bin_counts(user_features[field]) for column, field in SHOPPER_DAY_COLUMNS.items()}
    return pd.DataFrame({DAY_COLUMN: user_features[LANDING_DATE], **counts})


def _bin_prices(prices: "pd.Series[float]", edges: Sequence[float]) -> "pd.Series[str]":
    """`below 5`, `5 to 9.5`, …, `from 40`; `none` without a price."""
    import pandas as pd

    if not edges:
        return prices.notna().map({True: "any", False: "none"})
    inner = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    labels = np.array([f"below {edges[0]:g}", *inner, f"from {edges[-1]:g}", "none"])
    values = prices.astype(float)
    bin_index = np.where(values.isna(), len(edges) + 1, np.searchsorted(edges, values.fillna(0), side="right"))
    return pd.Series(labels[bin_index], index=prices.index)


def _bin_hours(times: "pd.Series[pd.Timestamp]") -> "pd.Series[str]":
    """`00 to 03`, …, `21 to 24`, UTC."""
    start_hour = times.dt.hour // HOURS_PER_BIN * HOURS_PER_BIN
    return start_hour.map(lambda hour: f"{hour:02d} to {hour + HOURS_PER_BIN:02d}")


def _bin_repeats(events: "pd.DataFrame") -> "pd.Series[str]":
    """Whether an event repeats the item of the shopper's previous one of the day: `within 5 s`, `later that day`, `no`.

    A shopper's first event of a day is missing (NaN): its share would depend on the number of days in the window.
    """
    ordered = events[[LANDING_DATE, SHOPPER, EVENT_TIME, ITEM_ID]].sort_values([SHOPPER, EVENT_TIME], kind="stable")
    previous = ordered.groupby([LANDING_DATE, SHOPPER], sort=False).shift()
    is_immediate = (ordered[EVENT_TIME] - previous[EVENT_TIME]).dt.total_seconds() <= IMMEDIATE_REPEAT_S
    is_same_item = ordered[ITEM_ID] == previous[ITEM_ID]
    repeats = is_same_item.map({True: "later that day", False: "no"}).mask(
        is_same_item & is_immediate, f"within {IMMEDIATE_REPEAT_S} s"
    )
    return repeats.where(previous[ITEM_ID].notna())


def _bin_counts(values: "pd.Series[int]") -> "pd.Series[str]":
    """0, 1, 2, 3 to 4, 5 to 8, 9 to 16, more than 16."""
    import pandas as pd

    labels = ["0", "1", "2", "3 to 4", "5 to 8", "9 to 16", "more than 16"]
    return pd.cut(values.astype(int), [-1, 0, 1, 2, 4, 8, 16, np.inf], labels=labels).astype(str)
