"""Recount of the evaluation cases from the table `events` alone: by shopper, second and event id.

The cases come from the training set, through histories, arrays and a split by day. A fault on that way affects all
models alike, and no comparison shows it. So the baskets are counted again from the published events, and the ids of
held-out events are searched among all events of the training days.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from freshet.data import columns as c
from freshet.data.day_numbers import day_from_number
from freshet.settings import Settings
from freshet.tables.reader import scan_batches, scan_table

EVENT_FIELDS: Final = (c.EVENT_ID, c.SHOPPER, c.ITEM_ID, c.EVENT_TYPE, c.EVENT_TIME)
EARLIER_FIELDS: Final = (c.EVENT_ID, c.SHOPPER, c.EVENT_TIME)

BasketKey = tuple[str, int]  # shopper, second


@dataclass(frozen=True)
class CaseRecount:
    """The held-out baskets according to the events, and the number of held-out events that leaked into training."""

    baskets: dict[BasketKey, frozenset[str]]  # item ids, returns left out
    event_counts: Counter[str]  # shopper → number of all events, for shoppers with held-out ones
    n_leaked: int  # ids of held-out events that also landed on a training day
    n_held_out_events: int  # events that landed on the held-out days


def recount_cases(settings: Settings, after: int, as_of: int, snapshot: int | None = None) -> CaseRecount:
    """Count the baskets that began on the landing days (after, as_of], of shoppers with earlier events.

    after, as_of: days since 1970. snapshot: of the events when the training set was made; None means the current one,
    which differs if a day was run again since. Raises LakeError if the snapshot is gone. Reads three columns of every
    day up to `after` once, a batch at a time, and all held-out days.
    """
    train_until, last_day = (str(day_from_number(day)) for day in (after, as_of))
    day_filter = f"{c.LANDING_DATE} > '{train_until}' and {c.LANDING_DATE} <= '{last_day}'"
    held_out_events = scan_table(settings, "events", snapshot, EVENT_FIELDS, day_filter)
    return count_cases(
        scan_batches(settings, "events", EARLIER_FIELDS, f"{c.LANDING_DATE} <= '{train_until}'", snapshot),
        held_out_events,
    )


def count_cases(earlier_batches: Iterable[pa.RecordBatch], held_out_events: pa.Table) -> CaseRecount:
    """Count baskets in rows of events: EARLIER_FIELDS of the training days, EVENT_FIELDS of the held-out days."""
    index = _index_events(earlier_batches, held_out_events)
    return CaseRecount(
        _baskets(held_out_events, index), index.event_counts, len(index.leaked_ids), len(held_out_events)
    )


@dataclass
class _EventIndex:
    """Events of all days that concern the shoppers and ids of the held-out days."""

    first_seen: dict[str, int] = field(default_factory=dict)  # shopper → second of the first event
    earlier_baskets: set[BasketKey] = field(default_factory=set)  # held-out baskets with an event in training
    leaked_ids: set[str] = field(default_factory=set)
    event_counts: Counter[str] = field(default_factory=Counter)

    def add_events(self, keys: Iterable[BasketKey]) -> None:
        """Count events with these keys."""
        for shopper, second in keys:
            self.event_counts[shopper] += 1
            self.first_seen[shopper] = min(second, self.first_seen.get(shopper, second))


def _index_events(earlier_batches: Iterable[pa.RecordBatch], held_out_events: pa.Table) -> _EventIndex:
    ids, shoppers = (pc.unique(held_out_events[name]) for name in (c.EVENT_ID, c.SHOPPER))
    index, held_out_keys = _EventIndex(), list(_basket_keys(held_out_events))
    index.add_events(held_out_keys)
    distinct_keys = set(held_out_keys)
    for batch in earlier_batches:
        index.leaked_ids.update(batch.filter(pc.is_in(batch[c.EVENT_ID], ids))[c.EVENT_ID].to_pylist())
        batch_keys = list(_basket_keys(batch.filter(pc.is_in(batch[c.SHOPPER], shoppers))))
        index.add_events(batch_keys)
        index.earlier_baskets |= distinct_keys.intersection(batch_keys)
    return index


def _baskets(held_out_events: pa.Table, index: _EventIndex) -> dict[BasketKey, frozenset[str]]:
    items: dict[BasketKey, set[str]] = {}
    columns = (held_out_events[name].to_pylist() for name in (c.ITEM_ID, c.EVENT_TYPE))
    for key, item, event_type in zip(_basket_keys(held_out_events), *columns, strict=True):
        is_known_shopper = key[1] > index.first_seen[key[0]]
        if event_type != "return" and is_known_shopper and key not in index.earlier_baskets:
            items.setdefault(key, set()).add(item)
    return {key: frozenset(basket) for key, basket in items.items()}


def _basket_keys(rows: pa.Table | pa.RecordBatch) -> Iterator[BasketKey]:
    """Yield shopper and second of every row."""
    micros = np.asarray(pc.cast(pc.cast(rows[c.EVENT_TIME], pa.timestamp("us", "UTC")), pa.int64()))
    return zip(rows[c.SHOPPER].to_pylist(), (micros // 1_000_000).tolist(), strict=True)
