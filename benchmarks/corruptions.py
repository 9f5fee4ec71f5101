"""Corruptions of a landing day: functions that spoil a day's file of the simulated shop, for `benchmarks.bad_days`.

The arguments of each are the day's rows, the rows of the day before, and a seed that differs from day to day.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

Corruption = Callable[["pd.DataFrame", "pd.DataFrame", int], "pd.DataFrame"]


def _set_column(column: str, value: str) -> Corruption:
    """Set a column to one value."""
    return lambda day, _, __: day.assign(**{column: value})


def _sample_events(fraction: float) -> Corruption:
    return lambda day, _, number: day.sample(frac=fraction, random_state=number)


def _multiply_events(copies: int) -> Corruption:
    """Copy every event, each copy with its own event id and shopper."""

    def corrupt(day: "pd.DataFrame", _: "pd.DataFrame", __: int) -> "pd.DataFrame":
        import pandas as pd

        parts = [
            day.assign(
                event_id=day["event_id"] + f"-{n}",
                session_id=day["session_id"] + f"-{n}",
                user_id=day["user_id"] if n == 0 else "",
            )
            for n in range(copies)
        ]
        return pd.concat(parts)

    return corrupt


def _shift_times(offset: timedelta) -> Corruption:
    def corrupt(day: "pd.DataFrame", _: "pd.DataFrame", __: int) -> "pd.DataFrame":
        import pandas as pd

        return day.assign(event_time=(pd.to_datetime(day["event_time"]) + offset).dt.strftime("%Y-%m-%dT%H:%M:%SZ"))

    return corrupt


def _until_noon(day: "pd.DataFrame", _: "pd.DataFrame", __: int) -> "pd.DataFrame":
    return day[day["event_time"].str[11:13] < "12"]


def _scale_prices(factor: float) -> Corruption:
    return lambda day, _, __: day.assign(price=[f"{float(price) * factor:.2f}" for price in day["price"]])


def _rehash_users(day: "pd.DataFrame", _: "pd.DataFrame", seed: int) -> "pd.DataFrame":
    return day.assign(user_id=[f"{user}#{seed}" if user else "" for user in day["user_id"]])


def _rename_items(day: "pd.DataFrame", _: "pd.DataFrame", seed: int) -> "pd.DataFrame":
    return day.assign(item_id=[f"{item}#{seed}" for item in day["item_id"]])


def _unique_items(day: "pd.DataFrame", _: "pd.DataFrame", seed: int) -> "pd.DataFrame":
    return day.assign(item_id=[f"x{seed}-{n}" for n in range(len(day))])


def _permute_items(day: "pd.DataFrame", _: "pd.DataFrame", seed: int) -> "pd.DataFrame":
    """Give every item the id of another item."""
    items = sorted(set(day["item_id"]) - {""})
    permuted_items = np.random.default_rng(seed).permutation(items)
    return day.assign(item_id=day["item_id"].map({"": "", **dict(zip(items, permuted_items, strict=True))}))


def _one_dominant_shopper(day: "pd.DataFrame", _: "pd.DataFrame", seed: int) -> "pd.DataFrame":
    replaced = np.random.default_rng(seed).random(len(day)) < 0.5
    return day.assign(user_id=np.where(replaced, "u-crawler", day["user_id"]))


def _drop_event_type(event_type: str) -> Corruption:
    return lambda day, _, __: day[day["event_type"] != event_type]


def _one_huge_quantity(day: "pd.DataFrame", _: "pd.DataFrame", __: int) -> "pd.DataFrame":
    return day.assign(quantity=["1000000000", *day["quantity"][1:]])


CORRUPTIONS: Final[dict[str, Corruption]] = {
    "a tenth of the events": _sample_events(0.1),
    "half of the events": _sample_events(0.5),
    "events until noon": _until_noon,
    "a header and no row": _sample_events(0),
    "ten times the events": _multiply_events(10),
    "twice the events (campaign)": _multiply_events(2),
    "yesterday's file again": lambda _, before, __: before,
    "one event id": _set_column("event_id", "1"),
    "prices all 0": _set_column("price", "0"),
    "prices times 100": _scale_prices(100),
    "prices gone": _set_column("price", ""),
    "users gone": _set_column("user_id", ""),
    "users all `null`": _set_column("user_id", "null"),
    "users hashed with another key": _rehash_users,
    "one shopper": lambda day, _, __: day.assign(user_id="u1", session_id="s1"),
    "one shopper has half": _one_dominant_shopper,
    "one session id": _set_column("session_id", "s1"),
    "sessions gone": lambda day, _, __: day[day["user_id"] != ""].assign(session_id=""),
    "items renamed": _rename_items,
    "an item for each event": _unique_items,
    "one item": _set_column("item_id", "i1"),
    "item ids permuted": _permute_items,
    "titles gone": lambda day, _, __: day.assign(title="", category=""),
    "all returns": _set_column("event_type", "return"),
    "all purchases": _set_column("event_type", "purchase"),
    "no purchase": _drop_event_type("purchase"),
    "no cart": _drop_event_type("cart"),
    "one quantity of a billion": _one_huge_quantity,
    "quantities of a billion": _set_column("quantity", "1000000000"),
    "all at midnight": lambda day, _, __: day.assign(event_time=day["event_time"].str[:11] + "00:00:00Z"),
    "all at one moment": lambda day, _, __: day.assign(event_time=day["event_time"].iloc[0]),
    "all in 1970": _set_column("event_time", "1970-01-01T00:00:00Z"),
    "a clock a year behind": _shift_times(-timedelta(days=365)),
    "a clock a week behind": _shift_times(-timedelta(days=7)),
}
