"""The simulated shop's export: one csv a landing day, with what real exports have: late, double and broken rows."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from freshet.simulation.catalogue import price_factor
from freshet.simulation.clock import DAY, day_number
from freshet.simulation.goods import CATEGORIES
from freshet.simulation.moments import EVENT_NAMES, PURCHASE, RETURN, fault_share
from freshet.simulation.shop import Shop

Ints = NDArray[np.int64]

HEADER = (
    "event_id",
    "user_id",
    "session_id",
    "item_id",
    "event_type",
    "event_time",
    "quantity",
    "price",
    "title",
    "category",
)
FAULTS = ("no item", "unknown type", "far future")
STREAM, TRACKING_STREAM = 1, 9  # random numbers of the export's own


@dataclass(frozen=True)
class Delivered:
    """What was written, to hold the conservation table against."""

    files: tuple[Path, ...]
    events: int  # different good events
    duplicates: int  # good events written once more
    bad: int  # rows that break the contract

    @property
    def rows(self) -> int:
        """Lines in all files, headers not counted."""
        return self.events + self.duplicates + self.bad


@dataclass(frozen=True)
class Export:
    """R rows in order of time: which event each tells of, what is wrong with it, and on which day it lands."""

    source: Ints  # (R,) event
    copy: NDArray[np.bool_]  # (R,) told once more
    fault: Ints  # (R,) position in FAULTS, -1 = none
    number: Ints  # (R,) in the event id; a broken row has one of its own
    day: Ints  # (R,) number of the landing day

    def take(self, chosen: NDArray[np.bool_]) -> "Export":
        """Some of the rows."""
        return Export(self.source[chosen], self.copy[chosen], self.fault[chosen], self.number[chosen], self.day[chosen])


def write_landing_files(shop: Shop, folder: Path, days: range | None = None) -> Delivered:
    """Write `events-YYYY-MM-DD.csv` for every landing day into a folder. Same shop, same files.

    days: numbers of the landing days, from 0; every day has the same file whether it is written alone or with others.
    """
    chosen = range(shop.params.days) if days is None else days
    rows = export(shop)
    rows = rows.take(np.isin(rows.day, np.array(chosen, np.int64)))
    folder.mkdir(parents=True, exist_ok=True)
    landed = np.unique(rows.day)
    files = [_write_day(shop, folder, int(day), rows.take(rows.day == day)) for day in landed]
    duplicates, bad = int(rows.copy.sum()), int((rows.fault >= 0).sum())
    return Delivered(tuple(files), len(rows.source) - duplicates - bad, duplicates, bad)


def export(shop: Shop) -> Export:
    """Every row of the shop's export."""
    rng = np.random.default_rng([shop.params.seed, STREAM])
    total, params = len(shop.events), shop.params
    doubled = np.flatnonzero(rng.random(total) < params.duplicate_share)
    broken = np.flatnonzero(rng.random(total) < params.bad_share)
    source = np.concatenate([np.arange(total), doubled, broken])
    fault = np.concatenate([np.full(total + len(doubled), -1), rng.integers(len(FAULTS), size=len(broken))])
    late = (rng.random(total) < params.late_share)[source]
    day = np.minimum(shop.events.time[source] // DAY - day_number(params.first_day) + late, params.days - 1)
    copy = (np.arange(len(source)) >= total) & (fault < 0)
    number = np.where(fault >= 0, total + np.arange(len(source)), source)
    order = np.lexsort((np.arange(len(source)), shop.events.time[source]))
    return Export(source[order], copy[order], fault[order], number[order], day[order])


def _columns(shop: Shop, rows: Export) -> list[list[str]]:
    """The text of every cell, a list for each name in HEADER."""
    events, goods = shop.events.take(rows.source), shop.catalogue
    counted = (events.kind == PURCHASE) | (events.kind == RETURN)
    time = events.time + np.where(rows.fault == 2, 3_650 * DAY, 0)
    factor = np.array([price_factor(shop.params, day) for day in range(shop.params.days + 1)])
    happened = events.time // DAY - day_number(shop.params.first_day)
    told = ~_untold(shop, rows.source)
    columns = (
        np.char.mod("e%08d", rows.number),
        np.where(events.known, np.char.mod("u%05d", events.shopper), ""),
        np.char.mod("s%06d", events.visit),
        np.where(rows.fault == 0, "", goods.item_ids[events.item]),
        np.where(rows.fault == 1, "hover", EVENT_NAMES[events.kind]),
        np.datetime_as_string(time.astype("datetime64[s]"), timezone="UTC"),
        np.where(counted, "1", ""),
        np.char.mod("%.2f", goods.prices[events.item] * factor[happened]),
        np.where(told, goods.titles[events.item], ""),
        np.where(told, _category_names()[goods.categories[events.item]], ""),
    )
    return [column.tolist() for column in columns]


def _untold(shop: Shop, source: Ints) -> NDArray[np.bool_]:
    """(R,) rows whose title and category a fault in the shop's tracking loses."""
    draw = np.random.default_rng([shop.params.seed, TRACKING_STREAM]).random(len(shop.events))[source]
    return draw < fault_share(shop.params, shop.events.time[source])


def _category_names() -> NDArray[np.str_]:
    return np.array([name for name, *_ in CATEGORIES])


def _write_day(shop: Shop, folder: Path, day: int, rows: Export) -> Path:
    path = folder / f"events-{np.datetime64(day_number(shop.params.first_day) + day, 'D')}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(zip(*_columns(shop, rows), strict=True))
    return path
