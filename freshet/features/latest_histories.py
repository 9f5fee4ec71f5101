"""Build the latest histories of all shoppers from the daily `histories`, without a JVM, for the gateway."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from freshet.data.columns import EVENT_TIME, EVENT_TYPE, EVENT_TYPE_CODES, ITEM_ID, LANDING_DATE, SHOPPER, EventType
from freshet.data.text_columns import TextArray, text_array
from freshet.settings import Settings
from freshet.tables.reader import scan_table

ShopperEvent = tuple[str, EventType, int]  # item id, event type, microseconds since 1970


def read_fragments(settings: Settings, snapshot: int) -> pa.Table:
    """Return the rows of `histories` as of a snapshot. Raises LakeError if the snapshot is gone."""
    return scan_table(settings, "histories", snapshot, (SHOPPER, "events", LANDING_DATE)).combine_chunks()


def build_latest_histories(rows: pa.Table, max_events: int) -> dict[str, NDArray[Any]]:
    """Return the arrays of `LatestHistories` by name: each shopper's last `max_events` events in canonical order.

    rows: fragments, one per shopper and day. Canonical order: time (s), landing day, position in the day's fragment.
    """
    lengths = pc.list_value_length(rows["events"]).to_numpy(zero_copy_only=False).astype(np.int64)
    events = _flatten(rows["events"])
    shopper_ids, row_shopper = np.unique(np.asarray(rows[SHOPPER].to_pylist(), dtype=np.bytes_), return_inverse=True)
    shopper = np.repeat(row_shopper, lengths)
    day = np.repeat(rows[LANDING_DATE].cast(pa.int32()).to_numpy(), lengths)
    time = _seconds(events.field(EVENT_TIME))
    # The position in the fragment needs no sort key: lexsort is stable and fragments are sorted.
    order = np.lexsort((day, time, shopper))
    order = order[_is_recent(shopper[order], len(shopper_ids), max_events)]
    item_ids, items = _factorize(events.field(ITEM_ID))
    event_counts = np.bincount(shopper[order], minlength=len(shopper_ids))
    return {
        "shoppers": shopper_ids,
        "offsets": np.concatenate([[0], np.cumsum(event_counts)]).astype(np.int64),
        "item_ids": item_ids,
        "items": items[order].astype(np.int32),
        "types": _type_codes(events.field(EVENT_TYPE))[order],
        "times": time[order],
        "days": day[order].astype(np.int32),
    }


def read_day_events(settings: Settings, day: date, shoppers: Sequence[str]) -> dict[str, list[ShopperEvent]]:
    """Return shopper → the day's events (item id, type, microseconds since 1970), in the order in which they landed.

    They are read from `events`, not from the fragments: the events that a gateway would have received on that day.
    """
    order = ("source_file", "source_row", "source_position")
    fields = (SHOPPER, ITEM_ID, EVENT_TYPE, EVENT_TIME)
    rows = scan_table(settings, "events", columns=(*fields, *order), where=f"{LANDING_DATE} == '{day.isoformat()}'")
    is_selected = pc.is_in(rows[SHOPPER], pa.array(shoppers, pa.string()))
    rows = rows.filter(is_selected).sort_by([(name, "ascending") for name in order])
    times = rows[EVENT_TIME].cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    events_by_shopper: dict[str, list[ShopperEvent]] = {shopper: [] for shopper in shoppers}
    names = (rows[name].to_pylist() for name in fields[:3])
    for shopper, item, event_type, micros in zip(*names, times.to_pylist(), strict=True):
        events_by_shopper[shopper].append((item, event_type, micros))
    return events_by_shopper


def _flatten(column: pa.ChunkedArray) -> pa.StructArray:
    combined = column.combine_chunks()
    array = combined.chunk(0) if isinstance(combined, pa.ChunkedArray) else combined
    return array.flatten()


def _seconds(times: pa.Array) -> NDArray[np.int64]:
    """Return seconds since 1970, rounded down like Spark's unix_seconds."""
    micros = times.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy(zero_copy_only=False)
    return np.asarray(micros // 1_000_000)


def _factorize(ids: pa.Array) -> tuple[TextArray, NDArray[np.int64]]:
    """Return (U,) the distinct ids, ascending, and (N,) the index of each of `ids` among them."""
    encoded = ids.dictionary_encode()
    distinct = text_array(encoded.dictionary.to_pylist())
    order = np.argsort(distinct, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return distinct[order], rank[encoded.indices.to_numpy(zero_copy_only=False)]


def _type_codes(types: pa.Array) -> NDArray[np.int8]:
    encoded = types.dictionary_encode()
    code = np.array([EVENT_TYPE_CODES[name] for name in encoded.dictionary.to_pylist()], dtype=np.int8)
    return code[encoded.indices.to_numpy(zero_copy_only=False)] if len(code) else np.zeros(0, np.int8)


def _is_recent(shopper: NDArray[np.int64], n_shoppers: int, max_events: int) -> NDArray[np.bool_]:
    """Return (N,) whether each row is among the last `max_events` of its shopper; rows are sorted by shopper."""
    ends = np.cumsum(np.bincount(shopper, minlength=n_shoppers))
    return np.asarray(ends[shopper] - np.arange(len(shopper)) <= max_events)
