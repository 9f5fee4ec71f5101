"""UCI Online Retail without Spark: a next-basket split with the cases of Freshet's own evaluation.

The rules are those of examples/online_retail.yaml; `published` in the counts is the number of events that Freshet
publishes.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.quality.splits import DAY_SECONDS, Split
from freshet.data.columns import EVENT_TYPE_CODES
from freshet.data.eval_cases import EvalCases, last_basket_cases, next_basket_cases
from freshet.data.history import Histories, Ints, select_events
from freshet.data.vocabulary import Vocabulary
from freshet.errors import FreshetError

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: Final = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"]
NON_ITEM_CODES: Final = ("POST", "DOT", "M", "C2", "D", "S", "BANK CHARGES", "AMAZONFEE", "B", "CRUK", "PADS")
MIN_TEST_BASKETS, MAX_TEST_DAYS = 3000, 7  # the test: as few of the last days as hold so many baskets, at most a week
VALIDATION_FRACTION: Final = 0.2  # share of the shoppers whose last training basket is held out, as in training


def next_basket_split(path: Path) -> Split:
    """The test cases are the baskets of the last days; items bought before may come again.

    Raises FreshetError if the file is another one, or no basket is left to evaluate.
    """
    events = _read_events(path)
    histories, vocabulary = _histories(events), _vocabulary(events)
    as_of = int(histories.days.max())
    train_until = _train_until(histories, as_of)
    test = next_basket_cases(histories, train_until, as_of)
    train_histories = select_events(histories, histories.days <= train_until)
    held_out = last_basket_cases(train_histories, train_until, VALIDATION_FRACTION, seed=0)
    if not len(test) or not len(held_out):
        raise FreshetError(str(path), "no shopper came back in the last days", "give the whole file")
    return Split(
        vocabulary,
        _without_held_out(train_histories, held_out),
        held_out,
        test,
        exclude_seen=False,
        has_times=True,
        metrics=("ndcg@10", "recall@10", "hr@10", "ndcg@20"),
        counts={
            "shoppers": len(histories),
            "items": len(vocabulary),
            "published": len(histories.items),
            "validation": len(held_out),
            "test": len(test),
            "test_days": as_of - train_until,
        },
        notes=("trained on the days before the test, without the baskets held out for validation",),
    )


def _read_events(path: Path) -> "pd.DataFrame":
    """The lines that are events: without fees, stock corrections and duplicates."""
    import pandas as pd

    try:
        frame = pd.read_csv(path, usecols=COLUMNS, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise FreshetError(str(path), f"cannot be read: {error}", "give UCI Online Retail as csv or csv.gz") from error
    frame = frame.drop_duplicates()
    item = frame["StockCode"].str.strip().str.upper()
    is_stock_correction = (frame["CustomerID"] == "") & (frame["UnitPrice"].astype(float) == 0)
    frame = frame.assign(item=item)[
        ~item.isin(NON_ITEM_CODES) & ~item.str.startswith("GIFT_0001_") & ~is_stock_correction
    ]
    times = pd.to_datetime(frame["InvoiceDate"], format="%m/%d/%Y %H:%M")
    owners = frame["CustomerID"].where(frame["CustomerID"] != "", "guest " + frame["InvoiceNo"])
    seconds = (times - pd.Timestamp(0)) // pd.Timedelta(seconds=1)
    return frame.assign(time=seconds, who=owners).sort_values(["who", "time"], kind="stable")


def _histories(events: "pd.DataFrame") -> Histories:
    names, owner_index = np.unique(events["who"].to_numpy(str), return_inverse=True)
    is_return = events["InvoiceNo"].str.startswith("C") | (events["Quantity"].astype(int) < 0)
    times = events["time"].to_numpy(np.int64)
    return Histories(
        names,
        np.searchsorted(owner_index, np.arange(len(names) + 1)),
        np.unique(events["item"].to_numpy(str), return_inverse=True)[1].astype(np.int64) + 1,
        np.where(is_return.to_numpy(), EVENT_TYPE_CODES["return"], EVENT_TYPE_CODES["purchase"]),
        times,
        times // DAY_SECONDS,
    )


def _vocabulary(events: "pd.DataFrame") -> Vocabulary:
    """Every item with the last title and the last price that it has."""
    latest = events.sort_values("time", kind="stable")
    titles_or_blank = latest["Description"].str.strip()
    latest_values = (
        latest.assign(title=titles_or_blank.mask(titles_or_blank == ""))
        .groupby("item", sort=True)[["title", "UnitPrice"]]
        .last()
    )
    titles = latest_values["title"].fillna("").to_numpy(str)
    size = len(latest_values) + 1
    return Vocabulary(
        np.concatenate([[""], latest_values.index.to_numpy(str)]),
        np.concatenate([[""], titles]),
        np.full(size, ""),
        np.concatenate([[np.nan], latest_values["UnitPrice"].astype(float)]),
        np.zeros(size, dtype=bool),
    )


def _train_until(histories: Histories, as_of: int) -> int:
    """The last training day."""
    for days in range(1, MAX_TEST_DAYS):
        if len(next_basket_cases(histories, as_of - days, as_of)) >= MIN_TEST_BASKETS:
            return as_of - days
    return as_of - MAX_TEST_DAYS


def _without_held_out(histories: Histories, held_out: EvalCases) -> Histories:
    """The histories without the held-out baskets, each of which is the last of its shopper."""
    ends: Ints = histories.offsets[1:].copy()
    ends[held_out.shopper_index] = held_out.target_starts
    return select_events(histories, np.arange(len(histories.items)) < np.repeat(ends, np.diff(histories.offsets)))
