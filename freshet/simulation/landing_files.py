"""The simulated shop's export: one CSV file per landing day, with late, duplicate and invalid rows as in practice."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from freshet.data.day_numbers import day_number
from freshet.simulation.array_types import Bools, Ints
from freshet.simulation.catalogue import price_factor
from freshet.simulation.events import EVENT_NAMES, PURCHASE, RETURN, tracking_loss_rate
from freshet.simulation.product_titles import CATEGORIES
from freshet.simulation.seasonality import DAY_SECONDS
from freshet.simulation.shop import Shop

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
FAULTS = ("no item", "unknown type", "far future")  # of invalid rows
EXPORT_STREAM, TEXT_LOSS_STREAM = 1, 9  # streams of random numbers


@dataclass(frozen=True)
class DeliveryStats:
    """Counts of what was written, for checking the conservation of rows."""

    files: tuple[Path, ...]
    events: int  # distinct valid events
    duplicates: int  # valid events written a second time
    bad: int  # rows that break the contract

    @property
    def rows(self) -> int:
        """Return the number of lines in all files, without headers."""
        return self.events + self.duplicates + self.bad


@dataclass(frozen=True)
class LandingExport:
    """R rows in order of time: the event of each, its fault and its landing day."""

    event_index: Ints  # (R,) position in the shop's events
    is_duplicate: Bools  # (R,) the second copy of an event
    fault: Ints  # (R,) position in FAULTS, -1 = none
    event_number: Ints  # (R,) the number in the event id; an invalid row has its own
    landing_day: Ints  # (R,) number of the landing day

    def take(self, mask: Bools) -> "LandingExport":
        """Return the rows of the mask."""
        return LandingExport(
            self.event_index[mask],
            self.is_duplicate[mask],
            self.fault[mask],
            self.event_number[mask],
            self.landing_day[mask],
        )


def write_landing_files(shop: Shop, folder: Path, days: range | None = None) -> DeliveryStats:
    """Write `events-YYYY-MM-DD.csv` for every landing day into a folder. The same shop gives the same files.

    days: numbers of the landing days, from 0; None: all. A day's file does not depend on which others are written.
    """
    day_numbers = range(shop.params.days) if days is None else days
    rows = build_export(shop)
    rows = rows.take(np.isin(rows.landing_day, np.array(day_numbers, np.int64)))
    folder.mkdir(parents=True, exist_ok=True)
    landing_days = np.unique(rows.landing_day)
    files = [_write_day(shop, folder, int(day), rows.take(rows.landing_day == day)) for day in landing_days]
    duplicates, bad = int(rows.is_duplicate.sum()), int((rows.fault >= 0).sum())
    return DeliveryStats(tuple(files), len(rows.event_index) - duplicates - bad, duplicates, bad)


def build_export(shop: Shop) -> LandingExport:
    """Return every row of the shop's export."""
    rng = np.random.default_rng([shop.params.seed, EXPORT_STREAM])
    n_events, params = len(shop.events), shop.params
    duplicate_events = np.flatnonzero(rng.random(n_events) < params.duplicate_share)
    invalid_events = np.flatnonzero(rng.random(n_events) < params.bad_share)
    event_index = np.concatenate([np.arange(n_events), duplicate_events, invalid_events])
    fault = np.concatenate(
        [np.full(n_events + len(duplicate_events), -1), rng.integers(len(FAULTS), size=len(invalid_events))]
    )
    is_late = (rng.random(n_events) < params.late_share)[event_index]
    landing_day = np.minimum(
        shop.events.time[event_index] // DAY_SECONDS - day_number(params.first_day) + is_late, params.days - 1
    )
    is_duplicate = (np.arange(len(event_index)) >= n_events) & (fault < 0)
    event_number = np.where(fault >= 0, n_events + np.arange(len(event_index)), event_index)
    order = np.lexsort((np.arange(len(event_index)), shop.events.time[event_index]))
    return LandingExport(event_index[order], is_duplicate[order], fault[order], event_number[order], landing_day[order])


def _cell_columns(shop: Shop, rows: LandingExport) -> list[list[str]]:
    """Return the cells as text, one list per column of HEADER."""
    events, catalogue = shop.events.take(rows.event_index), shop.catalogue
    has_quantity = (events.event_type == PURCHASE) | (events.event_type == RETURN)
    time = events.time + np.where(rows.fault == 2, 3_650 * DAY_SECONDS, 0)
    price_factors = np.array([price_factor(shop.params, day) for day in range(shop.params.days + 1)])
    event_day = events.time // DAY_SECONDS - day_number(shop.params.first_day)
    has_text = ~_has_lost_text(shop, rows.event_index)
    columns = (
        np.char.mod("e%08d", rows.event_number),
        np.where(events.logged_in, np.char.mod("u%05d", events.shopper), ""),
        np.char.mod("s%06d", events.session),
        np.where(rows.fault == 0, "", catalogue.item_ids[events.item]),
        np.where(rows.fault == 1, "hover", EVENT_NAMES[events.event_type]),
        np.datetime_as_string(time.astype("datetime64[s]"), timezone="UTC"),
        np.where(has_quantity, "1", ""),
        np.char.mod("%.2f", catalogue.prices[events.item] * price_factors[event_day]),
        np.where(has_text, catalogue.titles[events.item], ""),
        np.where(has_text, _category_names()[catalogue.categories[events.item]], ""),
    )
    return [column.tolist() for column in columns]


def _has_lost_text(shop: Shop, event_index: Ints) -> Bools:
    """(R,) rows without title and category because of a `tracking` drift."""
    draw = np.random.default_rng([shop.params.seed, TEXT_LOSS_STREAM]).random(len(shop.events))[event_index]
    return draw < tracking_loss_rate(shop.params, shop.events.time[event_index])


def _category_names() -> NDArray[np.str_]:
    return np.array([name for name, *_ in CATEGORIES])


def _write_day(shop: Shop, folder: Path, day: int, rows: LandingExport) -> Path:
    path = folder / f"events-{np.datetime64(day_number(shop.params.first_day) + day, 'D')}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(zip(*_cell_columns(shop, rows), strict=True))
    return path
