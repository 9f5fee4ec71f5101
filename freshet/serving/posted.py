"""Events as a client posts them: what is accepted, what is refused, and how they are written down."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from freshet.columns import EventType
from freshet.serving.blanks import strip_ids, strip_names
from freshet.serving.clock import DAY, SECOND, iso, micros_of
from freshet.serving.problems import NO_JSON, Problem, why_no_json, wrong_field

LONGEST_ID: Final = 256  # characters, as in the contract of the tables
LONGEST_TITLE: Final = 1024
CONTEXT_KEYS: Final = 32
AHEAD: Final = DAY  # that a client's clock may be ahead of the gateway's
BEHIND: Final = 3649 * DAY  # that an event may be old: the tables refuse what happened ten years before it landed
HIGHEST_PRICE: Final = 1e13  # what decimal(18, 4) holds
REPLACEMENT: Final = "\ufffd"

Id = Annotated[str, Meta(min_length=1, max_length=LONGEST_ID)]
Text = Annotated[str, Meta(max_length=LONGEST_ID)]
Moment = Annotated[datetime, Meta(tz=True, description="ISO 8601 with its time zone; else the time of arrival")]


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something a shopper did. One of `user_id` and `session_id` is needed."""

    item_id: Id
    event_type: EventType
    event_id: Annotated[Id | None, Meta(description="yours, so that a retry is harmless; else one is made")] = None
    user_id: Id | None = None
    session_id: Id | None = None
    event_time: Moment | None = None
    quantity: Annotated[float, Meta(gt=0)] | None = None
    price: Annotated[float, Meta(ge=0, le=HIGHEST_PRICE, description="of one piece")] | None = None
    title: Annotated[str, Meta(max_length=LONGEST_TITLE)] | None = None
    category: Text | None = None
    context: Annotated[dict[Text, Text], Meta(max_length=CONTEXT_KEYS)] | None = None

    def __post_init__(self) -> None:
        """As the tables will read it, so that it is known by the same names before it has landed and after."""
        strip_ids(self, "item_id", "event_id", "user_id", "session_id")
        strip_names(self, "title", "category")


class Landed(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event as it lands: id and time always filled in, no blanks around texts. The order of the fields is fixed."""

    event_id: str
    event_time: str
    event_type: str
    item_id: str
    user_id: str | None = None
    session_id: str | None = None
    quantity: float | None = None
    price: float | None = None
    title: str | None = None
    category: str | None = None
    context: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Accepted:
    """An event that keeps the contract, with its id and time (microseconds since 1970)."""

    event: Event
    event_id: str
    micros: int

    @property
    def seconds(self) -> int:
        """When it happened, as histories count."""
        return self.micros // SECOND

    def digest(self) -> bytes:
        """The same for the same event sent again: of all that the sender said, so not of a time that is filled in."""
        said = msgspec.json.encode(self.event, order="deterministic")
        return hashlib.blake2b(said, digest_size=16).digest()

    def line(self) -> bytes:
        """Its line in the landing: canonical JSON with the newline."""
        event = self.event
        landed = Landed(
            self.event_id,
            iso(self.micros),
            event.event_type,
            event.item_id,
            event.user_id,
            event.session_id,
            event.quantity,
            event.price,
            event.title,
            event.category,
            event.context,
        )
        return msgspec.json.encode(landed, order="deterministic") + b"\n"


_decoder = msgspec.json.Decoder(Event)


def read_event(raw: msgspec.Raw, where: str, now: int, made_id: str) -> Accepted | Problem:
    """One posted event, or what is wrong with it.

    where: its place in the post, for people. now: the gateway's time. made_id: its id where it brought none.
    """
    try:
        event = _decoder.decode(raw)
    except msgspec.ValidationError as error:
        return wrong_field(error, where)
    except NO_JSON as error:
        return Problem(where, why_no_json(error), "send valid JSON in UTF-8")
    return _judged(event, where, now, made_id)


def _judged(event: Event, where: str, now: int, made_id: str) -> Accepted | Problem:
    if event.user_id is None and event.session_id is None:
        return Problem(where, "neither user_id nor session_id", "say who did it: send at least one of the two")
    micros = now if event.event_time is None else micros_of(event.event_time)
    if not now - BEHIND <= micros <= now + AHEAD:
        what = f"{event.event_time} is ten years before or more than a day after the gateway's clock ({iso(now)})"
        return Problem(f"{where}.event_time", what, "set the clock that wrote it, or leave event_time out")
    for name in ("item_id", "user_id", "session_id", "event_id", "title", "category"):
        text = getattr(event, name)
        if text is not None and REPLACEMENT in text:
            return Problem(f"{where}.{name}", f"{text!r} was read in a wrong encoding", "send it in UTF-8")
    return Accepted(event, event.event_id or made_id, micros)
