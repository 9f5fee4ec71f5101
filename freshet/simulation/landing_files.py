"""The simulated shop's export: one csv a landing day, with what real exports have: late, double and broken rows."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from freshet.simulation.catalogue import CATEGORIES
from freshet.simulation.clock import DAY
from freshet.simulation.shop import EVENT_NAMES, Shop

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


def write_landing_files(shop: Shop, folder: Path) -> Delivered:
    """Write `events-YYYY-MM-DD.csv` for every landing day into a folder. Same shop, same files."""
    rng = np.random.default_rng([shop.params.seed, 1])
    total, params = len(shop.events), shop.params
    doubled = np.flatnonzero(rng.random(total) < params.duplicate_share)
    broken = np.flatnonzero(rng.random(total) < params.bad_share)
    source = np.concatenate([np.arange(total), doubled, broken])
    fault = np.concatenate([np.full(total + len(doubled), -1), rng.integers(len(FAULTS), size=len(broken))])
    landed = shop.events.time[source] // DAY + (rng.random(total) < params.late_share)[source]
    landed = np.minimum(landed, shop.events.time.max() // DAY)
    columns = _columns(shop, source, fault)
    folder.mkdir(parents=True, exist_ok=True)
    order = np.lexsort((np.arange(len(source)), shop.events.time[source]))
    files = [_write_day(folder, day, columns[:, order[landed[order] == day]]) for day in np.unique(landed)]
    return Delivered(tuple(files), total, len(doubled), len(broken))


def _columns(shop: Shop, source: NDArray[np.int64], fault: NDArray[np.int64]) -> NDArray[np.str_]:
    """(10, R): the text of every cell. source: (R,) event; fault: (R,) position in FAULTS, -1 = none."""
    events, goods = shop.events, shop.catalogue
    item, who = events.item[source], events.shopper[source]
    bought = events.kind[source] == len(EVENT_NAMES) - 1
    time = events.time[source] + np.where(fault == 2, 3_650 * DAY, 0)
    number = np.where(fault >= 0, len(events) + np.arange(len(source)), source)
    return np.stack(
        [
            np.char.mod("e%08d", number),
            np.where(shop.guests[who], "", np.char.mod("u%05d", who)),
            np.char.mod("s%06d", events.visit[source]),
            np.where(fault == 0, "", goods.item_ids[item]),
            np.where(fault == 1, "hover", EVENT_NAMES[events.kind[source]]),
            np.datetime_as_string(time.astype("datetime64[s]"), timezone="UTC"),
            np.where(bought, "1", ""),
            np.char.mod("%.2f", goods.prices[item]),
            goods.titles[item],
            _category_names()[goods.categories[item]],
        ]
    )


def _category_names() -> NDArray[np.str_]:
    return np.array([name for name, _, _ in CATEGORIES])


def _write_day(folder: Path, day: int, columns: NDArray[np.str_]) -> Path:
    path = folder / f"events-{np.datetime64(int(day), 'D')}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(columns.T.tolist())
    return path
