"""Distributions of shops, real and simulated: popularity, visits, repeats, event types, pauses, prices."""

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import print_progress
from freshet.simulation.events import EVENT_NAMES, VIEW
from freshet.simulation.shop import Shop

Ints = NDArray[np.int64]

SERENADE_FILE = Path("bolcom-serenade-toy/train.txt.gz")
OTTO_FILE = Path("otto-sample/train.jsonl")
RETAIL_FILE = Path("uci_online_retail/online-retail-dataset.csv.gz")
SESSION_GAP_S = 1_800  # seconds without a click: another visit
OTTO_EVENT_TYPES = ("clicks", "carts", "orders", "")


@dataclass(frozen=True)
class EventLog:
    """E events of a shop. Ids are numbers; -1 = unknown."""

    shopper: Ints
    visit: Ints
    item: Ints
    kind: Ints  # position in EVENT_NAMES
    time: Ints  # seconds
    prices: NDArray[np.float64]  # of the items, in no order; empty where there are none


@dataclass(frozen=True)
class ShapeFigures:
    """The figures of a shop. Shares are of 1; None = the source has no such data."""

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
    repeats: float  # events on an item that the shopper has seen before
    repeats_in_visit: float
    views: float
    carts: float
    purchases: float
    returns: float
    pause_median: float | None  # seconds between two views of a visit
    pause_75: float | None
    price_spread: float | None  # standard deviation of the logarithm


@dataclass(frozen=True)
class ShopShape:
    """A column of the table, and the two curves of the plot."""

    name: str
    figures: ShapeFigures
    item_counts: Ints  # descending
    visit_sizes: Ints


def real_shapes(data: Path) -> Iterator[ShopShape]:
    """The shapes of Serenade, the OTTO sample and Online Retail, where their files exist."""
    sources = (
        ("Serenade", SERENADE_FILE, _read_serenade),
        ("OTTO", OTTO_FILE, _read_otto),
        ("Online Retail", RETAIL_FILE, _read_online_retail),
    )
    for name, file, read_events in sources:
        if (data / file).exists():
            yield measure_shape(name, read_events(data / file))
        else:
            print_progress(f"{data / file} is not there: no column for {name}")


def simulated_shape(name: str, shop: Shop) -> ShopShape:
    """The shape of a simulated shop without bots; shoppers are those with an account."""
    events = shop.events.take(~shop.is_bot[shop.events.shopper])
    shopper = np.where(shop.is_guest[events.shopper], -1, events.shopper)
    event_log = EventLog(shopper, events.session, events.item, events.event_type, events.time, shop.catalogue.prices)
    return measure_shape(name, event_log)


def measure_shape(name: str, events: EventLog) -> ShopShape:
    """The figures and curves of an event log."""
    item_counts, visit_sizes = _sorted_counts(events.item), _sorted_counts(events.visit)
    has_shopper = events.shopper >= 0
    shopper_counts = _sorted_counts(events.shopper[has_shopper])
    type_shares = np.bincount(events.kind, minlength=len(EVENT_NAMES)) / len(events.kind)
    view_pauses = _view_pauses(events)
    figures = ShapeFigures(
        events_an_item=len(events.item) / len(item_counts),
        items_top_1=_top_share(item_counts, 0.01),
        items_top_10=_top_share(item_counts, 0.1),
        items_gini=gini(item_counts),
        shoppers_top_1=_top_share(shopper_counts, 0.01),
        shoppers_top_10=_top_share(shopper_counts, 0.1),
        shoppers_gini=gini(shopper_counts),
        visits_a_shopper=len(np.unique(events.visit[has_shopper])) / len(shopper_counts),
        events_a_visit=float(visit_sizes.mean()),
        events_a_visit_median=float(np.median(visit_sizes)),
        events_a_visit_90=float(np.quantile(visit_sizes, 0.9)),
        events_a_visit_99=float(np.quantile(visit_sizes, 0.99)),
        repeats=_repeat_share(events.shopper[has_shopper], events.item[has_shopper]),
        repeats_in_visit=_repeat_share(events.visit, events.item),
        views=float(type_shares[0]),
        carts=float(type_shares[1]),
        purchases=float(type_shares[2]),
        returns=float(type_shares[3]),
        pause_median=float(np.quantile(view_pauses, 0.5)) if view_pauses.any() else None,
        pause_75=float(np.quantile(view_pauses, 0.75)) if view_pauses.any() else None,
        price_spread=float(np.log(events.prices).std()) if len(events.prices) else None,
    )
    return ShopShape(name, figures, item_counts, visit_sizes)


def gini(counts: Ints) -> float:
    """The Gini coefficient. 0: all counts are equal; 1: one has everything."""
    ascending = np.sort(counts)
    return float(1 + 1 / len(ascending) - 2 * np.cumsum(ascending).sum() / (len(ascending) * ascending.sum()))


def format_table(shapes: list[ShopShape]) -> str:
    """A markdown table with a row per figure and a column per shop."""
    head = ["", *(shape.name for shape in shapes)]
    rows = [
        [field.replace("_", " "), *(_format_figure(getattr(each.figures, field)) for each in shapes)]
        for field in ShapeFigures.__dataclass_fields__
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---", *("---:" for _ in shapes)], *rows])


def _format_figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}" if value < 1.5 else f"{value:.1f}"


def _sorted_counts(numbers: Ints) -> Ints:
    return -np.sort(-np.unique(numbers, return_counts=True)[1])


def _top_share(descending: Ints, share: float) -> float:
    return float(descending[: max(1, int(len(descending) * share))].sum() / descending.sum())


def _repeat_share(owner: Ints, item: Ints) -> float:
    return 1 - len(np.unique(np.stack([owner, item]), axis=1)[0]) / len(owner)


def _view_pauses(events: EventLog) -> Ints:
    order = np.lexsort((events.time, events.visit))
    order = order[events.kind[order] == VIEW]
    return np.asarray(np.diff(events.time[order])[np.diff(events.visit[order]) == 0])


def _read_serenade(path: Path) -> EventLog:
    with gzip.open(path, "rt") as file:
        rows = [line.split("\t") for line in file.read().splitlines()[1:]]
    session, item = (np.array([int(row[column]) for row in rows]) for column in (0, 1))
    time = np.array([int(float(row[2])) for row in rows])
    return EventLog(session, session, item, np.zeros(len(rows), np.int64), time, np.zeros(0))


def _read_otto(path: Path) -> EventLog:
    sessions = [json.loads(line) for line in path.read_text().splitlines()]
    events = [(session["session"], event) for session in sessions for event in session["events"]]
    rows = [(session_id, e["aid"], OTTO_EVENT_TYPES.index(e["type"]), e["ts"] // 1000) for session_id, e in events]
    shopper, item, kind, time = np.array(rows).T
    is_new_visit = np.append(True, (np.diff(shopper) != 0) | (np.diff(time) > SESSION_GAP_S))
    return EventLog(shopper, np.cumsum(is_new_visit), item, kind, time, np.zeros(0))


def _read_online_retail(path: Path) -> EventLog:
    """The lines with a customer; an invoice is a visit, a cancellation a return."""
    with gzip.open(path, "rt", encoding="latin1") as file:
        rows = [row for row in csv.DictReader(file) if row["CustomerID"]]
    names = ("InvoiceNo", "StockCode", "CustomerID")
    invoice, item, customer = (np.unique([row[name] for row in rows], return_inverse=True)[1] for name in names)
    kind = np.array([3 if row["InvoiceNo"].startswith("C") else 2 for row in rows])
    time = np.array([int(datetime.strptime(row["InvoiceDate"], "%m/%d/%Y %H:%M").timestamp()) for row in rows])
    prices = {row["StockCode"]: float(row["UnitPrice"]) for row in rows if float(row["UnitPrice"]) > 0}
    return EventLog(customer, invoice, item, kind, time, np.array(list(prices.values())))
