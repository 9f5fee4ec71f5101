"""Events as clients post them: validation, and the line that lands."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from freshet.data.columns import EventType
from freshet.serving.clock import MICROS_PER_DAY, MICROS_PER_SECOND, iso, to_micros
from freshet.serving.errors import Problem
from freshet.serving.schemas.field_errors import JSON_ERRORS, field_problem, json_error_message
from freshet.serving.schemas.trimming import strip_ids, strip_names

MAX_ID_LENGTH: Final = 256  # characters, as in the contract of the tables
MAX_TITLE_LENGTH: Final = 1024  # characters
MAX_CONTEXT_KEYS: Final = 32
MAX_POST_EVENTS: Final = 1000  # events of one post
MAX_EVENT_LEAD_MICROS: Final = MICROS_PER_DAY  # how far a client's clock may be ahead of the gateway's
MAX_EVENT_AGE_MICROS: Final = 3649 * MICROS_PER_DAY  # the tables reject events that are ten years old
MAX_PRICE: Final = 1e13  # limit of decimal(18, 4)
REPLACEMENT_CHAR: Final = "\ufffd"
CHECKED_TEXT_FIELDS: Final = ("item_id", "user_id", "session_id", "event_id", "title", "category")  # for encoding

Id = Annotated[str, Meta(min_length=1, max_length=MAX_ID_LENGTH)]
ShortText = Annotated[str, Meta(max_length=MAX_ID_LENGTH)]
Timestamp = Annotated[datetime, Meta(tz=True, description="ISO 8601 with its time zone; default: the time of arrival")]


class PostedEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something a shopper did. One of `user_id` and `session_id` is required."""

    item_id: Id
    event_type: EventType
    event_id: Annotated[Id | None, Meta(description="yours, so that retries are safe; default: a random id")] = None
    user_id: Id | None = None
    session_id: Id | None = None
    event_time: Timestamp | None = None
    quantity: Annotated[float, Meta(gt=0)] | None = None
    price: Annotated[float, Meta(ge=0, le=MAX_PRICE, description="of one piece")] | None = None
    title: Annotated[str, Meta(max_length=MAX_TITLE_LENGTH)] | None = None
    category: ShortText | None = None
    context: Annotated[dict[ShortText, ShortText], Meta(max_length=MAX_CONTEXT_KEYS)] | None = None

    def __post_init__(self) -> None:
        """Strip texts as the tables do, so that ids are the same before and after landing."""
        strip_ids(self, "item_id", "event_id", "user_id", "session_id")
        strip_names(self, "title", "category")


class LandingRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event as it lands: with id and time, texts stripped. The order of the fields is fixed."""

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
class ValidatedEvent:
    """A valid event with its id and time. micros: microseconds since 1970."""

    event: PostedEvent
    event_id: str
    micros: int

    @property
    def seconds(self) -> int:
        """Seconds since 1970, the unit of histories."""
        return self.micros // MICROS_PER_SECOND

    def digest(self) -> bytes:
        """Return a 16-byte hash of the fields as sent, without a time that the gateway filled in."""
        content = msgspec.json.encode(self.event, order="deterministic")
        return hashlib.blake2b(content, digest_size=16).digest()

    def landing_line(self) -> bytes:
        """Return its line of the landing file: canonical JSON with the newline."""
        event = self.event
        record = LandingRecord(
            event_id=self.event_id,
            event_time=iso(self.micros),
            event_type=event.event_type,
            item_id=event.item_id,
            user_id=event.user_id,
            session_id=event.session_id,
            quantity=event.quantity,
            price=event.price,
            title=event.title,
            category=event.category,
            context=event.context,
        )
        return msgspec.json.encode(record, order="deterministic") + b"\n"


_event_decoder = msgspec.json.Decoder(PostedEvent)


def parse_event(raw: msgspec.Raw, where: str, now: int, default_id: str) -> ValidatedEvent | Problem:
    """Return one posted event, or what is wrong with it.

    where: its place in the post, for messages. now: the gateway's time, microseconds. default_id: its id if it has
    none.
    """
    try:
        event = _event_decoder.decode(raw)
    except msgspec.ValidationError as error:
        return field_problem(error, where)
    except JSON_ERRORS as error:
        return Problem(where, json_error_message(error), "send valid JSON in UTF-8")
    return _validate(event, where, now, default_id)


def _validate(event: PostedEvent, where: str, now: int, default_id: str) -> ValidatedEvent | Problem:
    if event.user_id is None and event.session_id is None:
        return Problem(where, "neither user_id nor session_id", "send at least one of the two")
    micros = now if event.event_time is None else to_micros(event.event_time)
    if not now - MAX_EVENT_AGE_MICROS <= micros <= now + MAX_EVENT_LEAD_MICROS:
        what = f"{event.event_time} is ten years before or more than a day after the gateway's clock ({iso(now)})"
        return Problem(f"{where}.event_time", what, "correct the clock of the sender, or leave event_time out")
    for name in CHECKED_TEXT_FIELDS:
        text = getattr(event, name)
        if text is not None and REPLACEMENT_CHAR in text:
            return Problem(f"{where}.{name}", f"{text!r} was decoded with the wrong encoding", "send it in UTF-8")
    return ValidatedEvent(event, event.event_id or default_id, micros)
