"""The latest histories gathered from the daily fragments, without a JVM: what `live.latest` serves from."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from freshet.columns import EVENT_TIME, EVENT_TYPE, ITEM_ID, LANDING_DATE, SHOPPER, TYPE_CODE, EventType
from freshet.settings import Settings
from freshet.tables.reading import scan
from freshet.texts import Texts, texts

Told = tuple[str, EventType, int]  # item id, event type, microseconds since 1970


def fragments(settings: Settings, snapshot: int) -> pa.Table:
    """The rows of `histories` as of a snapshot. Raises LakeError where it is gone."""
    return scan(settings, "histories", snapshot, (SHOPPER, "events", LANDING_DATE)).combine_chunks()


def gathered(rows: pa.Table, longest: int) -> dict[str, NDArray[Any]]:
    """The arrays of `live.latest.LatestHistories` by name: every shopper's last `longest` events in canonical order.

    rows: fragments, one per shopper and day. Canonical order: time (s), landing day, place in the day's fragment.
    """
    lengths = pc.list_value_length(rows["events"]).to_numpy(zero_copy_only=False).astype(np.int64)
    events = _flat(rows["events"])
    names, owner = np.unique(np.asarray(rows[SHOPPER].to_pylist(), dtype=np.bytes_), return_inverse=True)
    shopper = np.repeat(owner, lengths)
    day = np.repeat(rows[LANDING_DATE].cast(pa.int32()).to_numpy(), lengths)
    time = _seconds(events.field(EVENT_TIME))
    # The place in the fragment needs no key of its own: lexsort is stable, and fragments lie in their own order.
    order = np.lexsort((day, time, shopper))
    order = order[_last(shopper[order], len(names), longest)]
    item_ids, items = _numbered(events.field(ITEM_ID))
    kept = np.bincount(shopper[order], minlength=len(names))
    return {
        "shoppers": names,
        "offsets": np.concatenate([[0], np.cumsum(kept)]).astype(np.int64),
        "item_ids": item_ids,
        "items": items[order].astype(np.int32),
        "types": _codes(events.field(EVENT_TYPE))[order],
        "times": time[order],
        "days": day[order].astype(np.int32),
    }


def own_events(settings: Settings, day: date, shoppers: Sequence[str]) -> dict[str, list[Told]]:
    """Shopper → the day's events (item id, type, microseconds since 1970), in the order in which they landed.

    Read from `events`, not from the fragments: what a gateway would have been told on that day.
    """
    order = ("source_file", "source_row", "source_position")
    fields = (SHOPPER, ITEM_ID, EVENT_TYPE, EVENT_TIME)
    rows = scan(settings, "events", fields=(*fields, *order), where=f"{LANDING_DATE} == '{day.isoformat()}'")
    wanted = pc.is_in(rows[SHOPPER], pa.array(shoppers, pa.string()))
    rows = rows.filter(wanted).sort_by([(name, "ascending") for name in order])
    times = rows[EVENT_TIME].cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    found: dict[str, list[Told]] = {shopper: [] for shopper in shoppers}
    names = (rows[name].to_pylist() for name in fields[:3])
    for shopper, item, kind, micros in zip(*names, times.to_pylist(), strict=True):
        found[shopper].append((item, kind, micros))
    return found


def _flat(column: pa.ChunkedArray) -> pa.StructArray:
    whole = column.combine_chunks()
    array = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    return array.flatten()


def _seconds(times: pa.Array) -> NDArray[np.int64]:
    """Whole seconds since 1970, downwards: as Spark's unix_seconds."""
    micros = times.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy(zero_copy_only=False)
    return np.asarray(micros // 1_000_000)


def _numbered(ids: pa.Array) -> tuple[Texts, NDArray[np.int64]]:
    """(U,) the different ids, ascending, and (N,) the place of each of `ids` among them."""
    coded = ids.dictionary_encode()
    distinct = texts(coded.dictionary.to_pylist())
    order = np.argsort(distinct, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return distinct[order], place[coded.indices.to_numpy(zero_copy_only=False)]


def _codes(types: pa.Array) -> NDArray[np.int8]:
    found = types.dictionary_encode()
    code = np.array([TYPE_CODE[name] for name in found.dictionary.to_pylist()], dtype=np.int8)
    return code[found.indices.to_numpy(zero_copy_only=False)] if len(code) else np.zeros(0, np.int8)


def _last(shopper: NDArray[np.int64], shoppers: int, longest: int) -> NDArray[np.bool_]:
    """(N,) which rows are among the last `longest` of their shopper; rows lie by shopper."""
    ends = np.cumsum(np.bincount(shopper, minlength=shoppers))
    return np.asarray(ends[shopper] - np.arange(len(shopper)) <= longest)
