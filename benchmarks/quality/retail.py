"""UCI Online Retail without Spark: the next basket of every shopper, asked as Freshet's own judge asks it.

The rules are those of examples/online_retail.yaml; `published` in the counts is what Freshet publishes of the file.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.quality.splits import DAY, Split
from freshet.cases import Cases, last_basket_cases, next_basket_cases
from freshet.columns import TYPE_CODE
from freshet.errors import FreshetError
from freshet.history import Histories, Ints, select
from freshet.vocabulary import Vocabulary

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: Final = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"]
NO_ITEMS: Final = ("POST", "DOT", "M", "C2", "D", "S", "BANK CHARGES", "AMAZONFEE", "B", "CRUK", "PADS")
BASKETS, MOST_DAYS = 3000, 7  # judged: the last days that hold so many baskets, but at most a week
VALIDATED: Final = 0.2  # share of the shoppers whose last basket before the judged days is held out, as in training


def next_baskets(path: Path) -> Split:
    """Baskets of the last days, asked just before they begin; items bought before may come again.

    Raises FreshetError where the file is not the one meant, or no basket is left to ask for.
    """
    lines = _lines(path)
    histories, vocabulary = _histories(lines), _vocabulary(lines)
    as_of = int(histories.days.max())
    cut = _cut(histories, as_of)
    test = next_basket_cases(histories, cut, as_of)
    past = select(histories, histories.days <= cut)
    held_out = last_basket_cases(past, cut, VALIDATED, seed=0)
    if not len(test) or not len(held_out):
        raise FreshetError(str(path), "no shopper came back in the last days", "give the whole file")
    return Split(
        vocabulary,
        _until(past, held_out),
        held_out,
        test,
        exclude_seen=False,
        timed=True,
        metrics=("ndcg@10", "recall@10", "hr@10", "ndcg@20"),
        counts={
            "shoppers": len(histories),
            "items": len(vocabulary),
            "published": len(histories.items),
            "validation": len(held_out),
            "test": len(test),
            "judged_days": as_of - cut,
        },
        notes=("everybody learned from the days before the judged ones, without the baskets held out for validation",),
    )


def _lines(path: Path) -> "pd.DataFrame":
    """The lines that are events: no fees, no corrections of the stock, each once."""
    import pandas as pd

    try:
        frame = pd.read_csv(path, usecols=COLUMNS, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise FreshetError(str(path), f"cannot be read: {error}", "give UCI Online Retail as csv or csv.gz") from error
    frame = frame.drop_duplicates()
    item = frame["StockCode"].str.strip().str.upper()
    nobody = (frame["CustomerID"] == "") & (frame["UnitPrice"].astype(float) == 0)
    frame = frame.assign(item=item)[~item.isin(NO_ITEMS) & ~item.str.startswith("GIFT_0001_") & ~nobody]
    times = pd.to_datetime(frame["InvoiceDate"], format="%m/%d/%Y %H:%M")
    who = frame["CustomerID"].where(frame["CustomerID"] != "", "guest " + frame["InvoiceNo"])
    seconds = (times - pd.Timestamp(0)) // pd.Timedelta(seconds=1)
    return frame.assign(time=seconds, who=who).sort_values(["who", "time"], kind="stable")


def _histories(lines: "pd.DataFrame") -> Histories:
    names, who = np.unique(lines["who"].to_numpy(str), return_inverse=True)
    back = lines["InvoiceNo"].str.startswith("C") | (lines["Quantity"].astype(int) < 0)
    times = lines["time"].to_numpy(np.int64)
    return Histories(
        names,
        np.searchsorted(who, np.arange(len(names) + 1)),
        np.unique(lines["item"].to_numpy(str), return_inverse=True)[1].astype(np.int64) + 1,
        np.where(back.to_numpy(), TYPE_CODE["return"], TYPE_CODE["purchase"]),
        times,
        times // DAY,
    )


def _vocabulary(lines: "pd.DataFrame") -> Vocabulary:
    """Every item with the title and the price of its last line that has them."""
    latest = lines.sort_values("time", kind="stable")
    told = latest["Description"].str.strip()
    facts = latest.assign(title=told.mask(told == "")).groupby("item", sort=True)[["title", "UnitPrice"]].last()
    titles = facts["title"].fillna("").to_numpy(str)
    size = len(facts) + 1
    return Vocabulary(
        np.concatenate([[""], facts.index.to_numpy(str)]),
        np.concatenate([[""], titles]),
        np.full(size, ""),
        np.concatenate([[np.nan], facts["UnitPrice"].astype(float)]),
        np.zeros(size, dtype=bool),
    )


def _cut(histories: Histories, as_of: int) -> int:
    """The last day that is not judged."""
    for days in range(1, MOST_DAYS):
        if len(next_basket_cases(histories, as_of - days, as_of)) >= BASKETS:
            return as_of - days
    return as_of - MOST_DAYS


def _until(histories: Histories, held_out: Cases) -> Histories:
    """Without the held-out baskets, each of which is the last of its shopper."""
    last: Ints = histories.offsets[1:].copy()
    last[held_out.owners] = held_out.ends
    return select(histories, np.arange(len(histories.items)) < np.repeat(last, np.diff(histories.offsets)))
