"""Files that a gateway landed: canonical events, read with a fixed mapping instead of the shop's."""

from collections.abc import Sequence
from typing import Final

from freshet.data.columns import EVENT_TYPE
from freshet.ingest.mapping.source_mapping import EventExpressions, SourceFormat, SourceMapping
from freshet.landing import LandedFile

GATEWAY_FOLDER: Final = "gateway"  # landing/events/dt=2024-01-01/gateway/….jsonl

_GATEWAY_SCHEMA = (
    "event_id STRING, user_id STRING, session_id STRING, item_id STRING, event_type STRING, event_time STRING, "
    "quantity STRING, price STRING, title STRING, category STRING, context MAP<STRING,STRING>"
)
GATEWAY_MAPPING: Final = SourceMapping(
    shop="gateway",
    source=SourceFormat(
        format="json", schema=_GATEWAY_SCHEMA, optional=tuple(name.split()[0] for name in _GATEWAY_SCHEMA.split(", "))
    ),
    events=EventExpressions(
        event_id="event_id",
        user_id="user_id",
        session_id="session_id",
        item_id="item_id",
        event_type=EVENT_TYPE,
        event_time="to_timestamp(event_time)",
        quantity="quantity",
        price="price",
        title="title",
        category="category",
    ),
)


def is_gateway_file(file: LandedFile) -> bool:
    """Return whether a gateway wrote the file."""
    return file.name.split("/")[1] == GATEWAY_FOLDER


def group_by_mapping(
    files: Sequence[LandedFile], mapping: SourceMapping
) -> list[tuple[SourceMapping, list[LandedFile]]]:
    """Return (mapping, files): the shop's files with its mapping, the gateway's with theirs; no empty group."""
    shop_files = [file for file in files if not is_gateway_file(file)]
    gateway_files = [file for file in files if is_gateway_file(file)]
    return [
        (file_mapping, group)
        for file_mapping, group in ((mapping, shop_files), (GATEWAY_MAPPING, gateway_files))
        if group
    ]
