"""The gateway's own files in the landing: canonical events already, whatever the shop's mapping says."""

from collections.abc import Sequence
from typing import Final

from freshet.columns import EVENT_TYPE
from freshet.landing import LandedFile
from freshet.tables.mapping import Events, Mapping, Source

FOLDER: Final = "gateway"  # landing/events/dt=2024-01-01/gateway/….jsonl

_SCHEMA = (
    "event_id STRING, user_id STRING, session_id STRING, item_id STRING, event_type STRING, event_time STRING, "
    "quantity STRING, price STRING, title STRING, category STRING, context MAP<STRING,STRING>"
)
COLLECTED: Final = Mapping(
    shop="gateway",
    source=Source(format="json", schema=_SCHEMA, optional=tuple(name.split()[0] for name in _SCHEMA.split(", "))),
    events=Events(
        event_id="event_id", user_id="user_id", session_id="session_id", item_id="item_id", event_type=EVENT_TYPE,
        event_time="to_timestamp(event_time)", quantity="quantity", price="price", title="title", category="category",
    ),
)  # fmt: skip


def is_collected(file: LandedFile) -> bool:
    """Whether the gateway wrote the file."""
    return file.name.split("/")[1] == FOLDER


def by_origin(files: Sequence[LandedFile], mapping: Mapping) -> list[tuple[Mapping, list[LandedFile]]]:
    """The files of the shop with its mapping, those of the gateway with theirs; an origin without files is left out."""
    shops = [file for file in files if not is_collected(file)]
    own = [file for file in files if is_collected(file)]
    return [(how, some) for how, some in ((mapping, shops), (COLLECTED, own)) if some]
