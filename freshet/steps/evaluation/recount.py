"""A second count of what is asked, from the table `events` alone: by shopper, second and event id.

The baskets that judge come out of the training set, by way of histories, arrays and a cut. Whatever goes wrong on that
way goes wrong for everybody who is asked, and no comparison shows it. So the baskets are counted again from the events
as they were published, and their ids are looked for among all that landed on the days that were learned from.
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
    """The judged baskets as the events tell them, and the judged events that were learned from."""

    baskets: dict[BasketKey, frozenset[str]]  # items asked for, returns left out
    event_counts: Counter[str]  # shopper → all events, of those who have judged ones
    n_leaked: int  # ids of judged events that also landed on a day that was learned from
    n_judged_events: int  # events landed on the days that judge


def recount_cases(settings: Settings, after: int, as_of: int, snapshot: int | None = None) -> CaseRecount:
    """Baskets that began on the landed days (after, as_of], of shoppers who were known before. Days since 1970.

    snapshot: of the events, as they were when the training set was made; None: as they are now, which a day that was
    run again has changed. Raises LakeError where it is gone.
    Reads three columns of every day up to `after` once, a batch at a time, and all of the days that judge.
    """
    train_until, last_day = (str(day_from_number(day)) for day in (after, as_of))
    day_filter = f"{c.LANDING_DATE} > '{train_until}' and {c.LANDING_DATE} <= '{last_day}'"
    judged_events = scan_table(settings, "events", snapshot, EVENT_FIELDS, day_filter)
    return count_cases(
        scan_batches(settings, "events", EARLIER_FIELDS, f"{c.LANDING_DATE} <= '{train_until}'", snapshot),
        judged_events,
    )


def count_cases(earlier_batches: Iterable[pa.RecordBatch], judged_events: pa.Table) -> CaseRecount:
    """The same of rows of the events. earlier: EARLIER of the days learned from; judged: FIELDS of those that judge."""
    index = _index_events(earlier_batches, judged_events)
    return CaseRecount(_baskets(judged_events, index), index.event_counts, len(index.leaked_ids), len(judged_events))


@dataclass
class _EventIndex:
    """What all days say of the shoppers and ids of the days that judge."""

    first_seen: dict[str, int] = field(default_factory=dict)  # shopper → second of the first event
    earlier_baskets: set[BasketKey] = field(default_factory=set)  # moments at which something had landed before
    leaked_ids: set[str] = field(default_factory=set)
    event_counts: Counter[str] = field(default_factory=Counter)

    def add_events(self, keys: Iterable[BasketKey]) -> None:
        """Count events of these moments."""
        for shopper, second in keys:
            self.event_counts[shopper] += 1
            self.first_seen[shopper] = min(second, self.first_seen.get(shopper, second))


def _index_events(earlier_batches: Iterable[pa.RecordBatch], judged_events: pa.Table) -> _EventIndex:
    ids, shoppers = (pc.unique(judged_events[name]) for name in (c.EVENT_ID, c.SHOPPER))
    index, judged_keys = _EventIndex(), list(_basket_keys(judged_events))
    index.add_events(judged_keys)
    distinct_keys = set(judged_keys)
    for batch in earlier_batches:
        index.leaked_ids.update(batch.filter(pc.is_in(batch[c.EVENT_ID], ids))[c.EVENT_ID].to_pylist())
        batch_keys = list(_basket_keys(batch.filter(pc.is_in(batch[c.SHOPPER], shoppers))))
        index.add_events(batch_keys)
        index.earlier_baskets |= distinct_keys.intersection(batch_keys)
    return index


def _baskets(judged_events: pa.Table, index: _EventIndex) -> dict[BasketKey, frozenset[str]]:
    items: dict[BasketKey, set[str]] = {}
    columns = (judged_events[name].to_pylist() for name in (c.ITEM_ID, c.EVENT_TYPE))
    for moment, item, event_type in zip(_basket_keys(judged_events), *columns, strict=True):
        if event_type != "return" and moment[1] > index.first_seen[moment[0]] and moment not in index.earlier_baskets:
            items.setdefault(moment, set()).add(item)
    return {moment: frozenset(basket) for moment, basket in items.items()}


def _basket_keys(rows: pa.Table | pa.RecordBatch) -> Iterator[BasketKey]:
    """Shopper and second of every row."""
    micros = np.asarray(pc.cast(pc.cast(rows[c.EVENT_TIME], pa.timestamp("us", "UTC")), pa.int64()))
    return zip(rows[c.SHOPPER].to_pylist(), (micros // 1_000_000).tolist(), strict=True)
