"""The shapes of shops, real and simulated: long tails, visits, repeats, event types, pauses, prices."""

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import say
from freshet.simulation.moments import EVENT_NAMES, VIEW
from freshet.simulation.shop import Shop

Ints = NDArray[np.int64]

SERENADE = Path("bolcom-serenade-toy/train.txt.gz")
OTTO = Path("otto-sample/train.jsonl")
RETAIL = Path("uci_online_retail/online-retail-dataset.csv.gz")
AWAY = 1_800  # seconds without a click: another visit
OTTO_KINDS = ("clicks", "carts", "orders", "")


@dataclass(frozen=True)
class Clicks:
    """E events of a shop, whoever they come from. Numbers stand for names; -1 = not told."""

    shopper: Ints
    visit: Ints
    item: Ints
    kind: Ints  # position in EVENT_NAMES
    time: Ints  # seconds
    prices: NDArray[np.float64]  # of the items, in no order; empty where there are none


@dataclass(frozen=True)
class Figures:
    """What can be told of every one of them. Shares are of 1."""

    events_an_item: float
    items_top_1: float  # share of the events on the top 1 % of the items
    items_top_10: float
    items_gini: float
    shoppers_top_1: float
    shoppers_top_10: float
    shoppers_gini: float
    visits_a_shopper: float
    events_a_visit: float
    events_a_visit_median: float
    events_a_visit_90: float  # quantile
    events_a_visit_99: float
    repeats: float  # events on an item that the shopper had met before
    repeats_in_visit: float
    views: float
    carts: float
    purchases: float
    returns: float
    pause_median: float | None  # seconds between two looks of a visit
    pause_75: float | None
    price_spread: float | None  # standard deviation of the logarithm


@dataclass(frozen=True)
class Shape:
    """A column of the table; the two curves are for the picture."""

    name: str
    figures: Figures
    item_counts: Ints  # falling
    visit_sizes: Ints


def real(data: Path) -> Iterator[Shape]:
    """Serenade's clicks, the OTTO sample, Online Retail: those that are there."""
    sources = (("Serenade", SERENADE, _serenade), ("OTTO", OTTO, _otto), ("Online Retail", RETAIL, _retail))
    for name, file, read in sources:
        if (data / file).exists():
            yield shape(name, read(data / file))
        else:
            say(f"{data / file} is not there: no column for {name}")


def simulated(name: str, shop: Shop) -> Shape:
    """Of people: bots are left out, as a shop does before it counts. Shoppers are those with an account."""
    events = shop.events.take(~shop.bots[shop.events.shopper])
    shopper = np.where(shop.guests[events.shopper], -1, events.shopper)
    clicks = Clicks(shopper, events.visit, events.item, events.kind, events.time, shop.catalogue.prices)
    return shape(name, clicks)


def shape(name: str, clicks: Clicks) -> Shape:
    """All figures; None where the source does not tell."""
    items, visits = _counts(clicks.item), _counts(clicks.visit)
    known = clicks.shopper >= 0
    people = _counts(clicks.shopper[known])
    kinds = np.bincount(clicks.kind, minlength=len(EVENT_NAMES)) / len(clicks.kind)
    pauses = _pauses(clicks)
    figures = Figures(
        events_an_item=len(clicks.item) / len(items),
        items_top_1=_top(items, 0.01),
        items_top_10=_top(items, 0.1),
        items_gini=gini(items),
        shoppers_top_1=_top(people, 0.01),
        shoppers_top_10=_top(people, 0.1),
        shoppers_gini=gini(people),
        visits_a_shopper=len(np.unique(clicks.visit[known])) / len(people),
        events_a_visit=float(visits.mean()),
        events_a_visit_median=float(np.median(visits)),
        events_a_visit_90=float(np.quantile(visits, 0.9)),
        events_a_visit_99=float(np.quantile(visits, 0.99)),
        repeats=_repeats(clicks.shopper[known], clicks.item[known]),
        repeats_in_visit=_repeats(clicks.visit, clicks.item),
        views=float(kinds[0]),
        carts=float(kinds[1]),
        purchases=float(kinds[2]),
        returns=float(kinds[3]),
        pause_median=float(np.quantile(pauses, 0.5)) if pauses.any() else None,
        pause_75=float(np.quantile(pauses, 0.75)) if pauses.any() else None,
        price_spread=float(np.log(clicks.prices).std()) if len(clicks.prices) else None,
    )
    return Shape(name, figures, items, visits)


def gini(counts: Ints) -> float:
    """0: all have the same. 1: one has everything."""
    rising = np.sort(counts)
    return float(1 + 1 / len(rising) - 2 * np.cumsum(rising).sum() / (len(rising) * rising.sum()))


def table(shapes: list[Shape]) -> str:
    """Markdown: figures down, shops across."""
    head = ["", *(each.name for each in shapes)]
    rows = [
        [field.replace("_", " "), *(_shown(getattr(each.figures, field)) for each in shapes)]
        for field in Figures.__dataclass_fields__
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---", *("---:" for _ in shapes)], *rows])


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}" if value < 1.5 else f"{value:.1f}"


def _counts(numbers: Ints) -> Ints:
    return -np.sort(-np.unique(numbers, return_counts=True)[1])


def _top(falling: Ints, share: float) -> float:
    return float(falling[: max(1, int(len(falling) * share))].sum() / falling.sum())


def _repeats(owner: Ints, item: Ints) -> float:
    return 1 - len(np.unique(np.stack([owner, item]), axis=1)[0]) / len(owner)


def _pauses(clicks: Clicks) -> Ints:
    order = np.lexsort((clicks.time, clicks.visit))
    order = order[clicks.kind[order] == VIEW]
    return np.asarray(np.diff(clicks.time[order])[np.diff(clicks.visit[order]) == 0])


def _serenade(path: Path) -> Clicks:
    with gzip.open(path, "rt") as file:
        rows = [line.split("\t") for line in file.read().splitlines()[1:]]
    session, item = (np.array([int(row[column]) for row in rows]) for column in (0, 1))
    time = np.array([int(float(row[2])) for row in rows])
    return Clicks(session, session, item, np.zeros(len(rows), np.int64), time, np.zeros(0))


def _otto(path: Path) -> Clicks:
    sessions = [json.loads(line) for line in path.read_text().splitlines()]
    events = [(session["session"], event) for session in sessions for event in session["events"]]
    rows = [(who, e["aid"], OTTO_KINDS.index(e["type"]), e["ts"] // 1000) for who, e in events]
    shopper, item, kind, time = np.array(rows).T
    away = np.append(True, (np.diff(shopper) != 0) | (np.diff(time) > AWAY))
    return Clicks(shopper, np.cumsum(away), item, kind, time, np.zeros(0))


def _retail(path: Path) -> Clicks:
    """Lines with a customer: an invoice is a visit, a cancellation a return."""
    with gzip.open(path, "rt", encoding="latin1") as file:
        rows = [row for row in csv.DictReader(file) if row["CustomerID"]]
    names = ("InvoiceNo", "StockCode", "CustomerID")
    invoice, item, customer = (np.unique([row[name] for row in rows], return_inverse=True)[1] for name in names)
    kind = np.array([3 if row["InvoiceNo"].startswith("C") else 2 for row in rows])
    time = np.array([int(datetime.strptime(row["InvoiceDate"], "%m/%d/%Y %H:%M").timestamp()) for row in rows])
    prices = {row["StockCode"]: float(row["UnitPrice"]) for row in rows if float(row["UnitPrice"]) > 0}
    return Clicks(customer, invoice, item, kind, time, np.array(list(prices.values())))
