"""Events of a shopper by item id, as the gateway, the command line and the lake's latest histories hold them."""

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
    """One shopper's events, oldest first, as a history in the bundle's own indexes."""
    return to_histories([events], vocabulary)


def to_histories(events_by_shopper: Sequence[Sequence[HistoryEvent]], vocabulary: Vocabulary) -> Histories:
    """The events of each of S shoppers, oldest first, as histories in the bundle's own indexes."""
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
    """Items as events of one shopper, a minute apart: what `--items` means.

    event_type: the bundle's own, for a model that has seen purchases only makes nothing of a view.
    """
    return [HistoryEvent(item, event_type, 60 * number, 0) for number, item in enumerate(item_ids)]
