"""Events of a shopper with item ids, as gateway and latest histories hold them, and their conversion to histories."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from freshet.data.columns import EVENT_TYPE_CODES, EventType
from freshet.data.history import Histories
from freshet.data.vocabulary import Vocabulary


class HistoryEvent(NamedTuple):
    """One event. time: seconds since 1970-01-01 UTC; day: its landing day, in days since 1970-01-01."""

    item_id: str
    event_type: str
    time: int
    day: int


def to_history(events: Sequence[HistoryEvent], vocabulary: Vocabulary) -> Histories:
    """Convert one shopper's events, oldest first, to a history with indices of `vocabulary`."""
    return to_histories([events], vocabulary)


def to_histories(events_by_shopper: Sequence[Sequence[HistoryEvent]], vocabulary: Vocabulary) -> Histories:
    """Convert the events of S shoppers, each oldest first, to histories with indices of `vocabulary`."""
    events = [event for shopper_events in events_by_shopper for event in shopper_events]
    return Histories(
        shoppers=np.array([""] * len(events_by_shopper)),
        offsets=np.cumsum([0, *map(len, events_by_shopper)], dtype=np.int64),
        items=vocabulary.trained_indices([item for item, _, _, _ in events]),
        types=np.array([EVENT_TYPE_CODES[kind] for _, kind, _, _ in events], dtype=np.int64),
        times=np.array([time for _, _, time, _ in events], dtype=np.int64),
        days=np.array([day for _, _, _, day in events], dtype=np.int64),
    )


def items_as_events(item_ids: Sequence[str], event_type: EventType) -> list[HistoryEvent]:
    """Return the items as events of one shopper, a minute apart, as for `--items`.

    event_type: the bundle's most frequent type; a model trained on purchases only has no use for views.
    """
    return [HistoryEvent(item, event_type, 60 * number, 0) for number, item in enumerate(item_ids)]
