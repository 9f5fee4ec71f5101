"""A second count of what is asked, from the table `events` alone: by shopper, second and event id.

The baskets that judge come out of the training set, by way of histories, arrays and a cut. Whatever goes wrong on that
way goes wrong for everybody who is asked, and no comparison shows it. So the baskets are counted again from the events
as they were published, and their ids are looked for among all that landed on the days that were learned from.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from freshet import columns as c
from freshet.settings import Settings
from freshet.tables.reading import EPOCH, scan, scan_batches

FIELDS: Final = (c.EVENT_ID, c.SHOPPER, c.ITEM_ID, c.EVENT_TYPE, c.EVENT_TIME)
EARLIER: Final = (c.EVENT_ID, c.SHOPPER, c.EVENT_TIME)

Basket = tuple[str, int]  # shopper, second


@dataclass(frozen=True)
class Recount:
    """The judged baskets as the events tell them, and the judged events that were learned from."""

    baskets: dict[Basket, frozenset[str]]  # items asked for, returns left out
    events: Counter[str]  # shopper → all events, of those who have judged ones
    leaked: int  # ids of judged events that also landed on a day that was learned from
    judged: int  # events landed on the days that judge


def recount(settings: Settings, after: int, as_of: int, snapshot: int | None = None) -> Recount:
    """Baskets that began on the landed days (after, as_of], of shoppers who were known before. Days since 1970.

    snapshot: of the events, as they were when the training set was made; None: as they are now, which a day that was
    run again has changed. Raises LakeError where it is gone.
    Reads three columns of every day up to `after` once, a batch at a time, and all of the days that judge.
    """
    learned, last = (str(EPOCH + timedelta(days=day)) for day in (after, as_of))
    between = f"{c.LANDING_DATE} > '{learned}' and {c.LANDING_DATE} <= '{last}'"
    judged = scan(settings, "events", snapshot, FIELDS, between)
    return count(scan_batches(settings, "events", EARLIER, f"{c.LANDING_DATE} <= '{learned}'", snapshot), judged)


def count(earlier: Iterable[pa.RecordBatch], judged: pa.Table) -> Recount:
    """The same of rows of the events. earlier: EARLIER of the days learned from; judged: FIELDS of those that judge."""
    before = _look_up(earlier, judged)
    return Recount(_baskets(judged, before), before.events, len(before.leaked), len(judged))


@dataclass
class _Before:
    """What all days say of the shoppers and ids of the days that judge."""

    first: dict[str, int] = field(default_factory=dict)  # shopper → second of the first event
    begun: set[Basket] = field(default_factory=set)  # moments at which something had landed before
    leaked: set[str] = field(default_factory=set)
    events: Counter[str] = field(default_factory=Counter)

    def add(self, moments: Iterable[Basket]) -> None:
        """Count events of these moments."""
        for shopper, second in moments:
            self.events[shopper] += 1
            self.first[shopper] = min(second, self.first.get(shopper, second))


def _look_up(earlier: Iterable[pa.RecordBatch], judged: pa.Table) -> _Before:
    ids, shoppers = (pc.unique(judged[name]) for name in (c.EVENT_ID, c.SHOPPER))
    before, asked = _Before(), list(_moments(judged))
    before.add(asked)
    wanted = set(asked)
    for batch in earlier:
        before.leaked.update(batch.filter(pc.is_in(batch[c.EVENT_ID], ids))[c.EVENT_ID].to_pylist())
        own = list(_moments(batch.filter(pc.is_in(batch[c.SHOPPER], shoppers))))
        before.add(own)
        before.begun |= wanted.intersection(own)
    return before


def _baskets(judged: pa.Table, before: _Before) -> dict[Basket, frozenset[str]]:
    items: dict[Basket, set[str]] = {}
    columns = (judged[name].to_pylist() for name in (c.ITEM_ID, c.EVENT_TYPE))
    for moment, item, kind in zip(_moments(judged), *columns, strict=True):
        if kind != "return" and moment[1] > before.first[moment[0]] and moment not in before.begun:
            items.setdefault(moment, set()).add(item)
    return {moment: frozenset(asked) for moment, asked in items.items()}


def _moments(rows: pa.Table | pa.RecordBatch) -> Iterator[Basket]:
    """Shopper and second of every row."""
    micros = np.asarray(pc.cast(pc.cast(rows[c.EVENT_TIME], pa.timestamp("us", "UTC")), pa.int64()))
    return zip(rows[c.SHOPPER].to_pylist(), (micros // 1_000_000).tolist(), strict=True)
