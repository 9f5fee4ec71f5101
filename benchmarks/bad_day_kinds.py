"""The kinds of bad day: what happens to a day's file of the simulated shop on its way into the landing.

Each is a function of the day's own file, the file of the day before and a number that is different for every day.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

Kind = Callable[["pd.DataFrame", "pd.DataFrame", int], "pd.DataFrame"]


def _same(column: str, value: str) -> Kind:
    """One value in every row."""
    return lambda day, _, __: day.assign(**{column: value})


def _share(share: float) -> Kind:
    return lambda day, _, number: day.sample(frac=share, random_state=number)


def _times(copies: int) -> Kind:
    """As often every event, each with an id and a shopper of its own."""

    def change(day: "pd.DataFrame", _: "pd.DataFrame", __: int) -> "pd.DataFrame":
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

    return change


def _moved(by: timedelta) -> Kind:
    def change(day: "pd.DataFrame", _: "pd.DataFrame", __: int) -> "pd.DataFrame":
        import pandas as pd

        return day.assign(event_time=(pd.to_datetime(day["event_time"]) + by).dt.strftime("%Y-%m-%dT%H:%M:%SZ"))

    return change


def _until_noon(day: "pd.DataFrame", _: "pd.DataFrame", __: int) -> "pd.DataFrame":
    return day[day["event_time"].str[11:13] < "12"]


def _priced(factor: float) -> Kind:
    return lambda day, _, __: day.assign(price=[f"{float(price) * factor:.2f}" for price in day["price"]])


def _rehashed(day: "pd.DataFrame", _: "pd.DataFrame", number: int) -> "pd.DataFrame":
    return day.assign(user_id=[f"{user}#{number}" if user else "" for user in day["user_id"]])


def _renamed(day: "pd.DataFrame", _: "pd.DataFrame", number: int) -> "pd.DataFrame":
    return day.assign(item_id=[f"{item}#{number}" for item in day["item_id"]])


def _item_for_each(day: "pd.DataFrame", _: "pd.DataFrame", number: int) -> "pd.DataFrame":
    return day.assign(item_id=[f"x{number}-{n}" for n in range(len(day))])


def _dealt_out(day: "pd.DataFrame", _: "pd.DataFrame", number: int) -> "pd.DataFrame":
    """Every item's id is now another item's."""
    items = sorted(set(day["item_id"]) - {""})
    others = np.random.default_rng(number).permutation(items)
    return day.assign(item_id=day["item_id"].map({"": "", **dict(zip(items, others, strict=True))}))


def _half_one_shopper(day: "pd.DataFrame", _: "pd.DataFrame", number: int) -> "pd.DataFrame":
    half = np.random.default_rng(number).random(len(day)) < 0.5
    return day.assign(user_id=np.where(half, "u-crawler", day["user_id"]))


def _without(event_type: str) -> Kind:
    return lambda day, _, __: day[day["event_type"] != event_type]


def _once_huge(day: "pd.DataFrame", _: "pd.DataFrame", __: int) -> "pd.DataFrame":
    return day.assign(quantity=["1000000000", *day["quantity"][1:]])


KINDS: Final[dict[str, Kind]] = {
    "a tenth of the events": _share(0.1),
    "half of the events": _share(0.5),
    "events until noon": _until_noon,
    "a header and no row": _share(0),
    "ten times the events": _times(10),
    "twice the events (campaign)": _times(2),
    "yesterday's file again": lambda _, before, __: before,
    "one event id": _same("event_id", "1"),
    "prices all 0": _same("price", "0"),
    "prices times 100": _priced(100),
    "prices gone": _same("price", ""),
    "users gone": _same("user_id", ""),
    "users all `null`": _same("user_id", "null"),
    "users hashed anew": _rehashed,
    "one shopper": lambda day, _, __: day.assign(user_id="u1", session_id="s1"),
    "one shopper has half": _half_one_shopper,
    "one session id": _same("session_id", "s1"),
    "sessions gone": lambda day, _, __: day[day["user_id"] != ""].assign(session_id=""),
    "items renamed": _renamed,
    "an item for each event": _item_for_each,
    "one item": _same("item_id", "i1"),
    "ids dealt out to other items": _dealt_out,
    "titles gone": lambda day, _, __: day.assign(title="", category=""),
    "all returns": _same("event_type", "return"),
    "all purchases": _same("event_type", "purchase"),
    "no purchase": _without("purchase"),
    "no cart": _without("cart"),
    "one quantity of a billion": _once_huge,
    "quantities of a billion": _same("quantity", "1000000000"),
    "all at midnight": lambda day, _, __: day.assign(event_time=day["event_time"].str[:11] + "00:00:00Z"),
    "all at one moment": lambda day, _, __: day.assign(event_time=day["event_time"].iloc[0]),
    "all in 1970": _same("event_time", "1970-01-01T00:00:00Z"),
    "a clock a year behind": _moved(-timedelta(days=365)),
    "a clock a week behind": _moved(-timedelta(days=7)),
}
