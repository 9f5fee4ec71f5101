"""What is asked of the ranker, and what is answered: the same for GET and POST."""

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from freshet.data.columns import EventType
from freshet.data.history_events import HistoryEvent
from freshet.inference.ranker import Tier
from freshet.serving.clock import MICROS_PER_SECOND, day_of, to_micros
from freshet.serving.events.event_store import ItemMetadata
from freshet.serving.http.errors import JSON_ERRORS, RequestError, json_error_message, unprocessable_error
from freshet.serving.http.event_schema import MAX_PRICE, MAX_TITLE_LENGTH, Id, ShortText, Timestamp
from freshet.serving.http.trimming import strip_ids, strip_names

MAX_K: Final = 500  # items of one answer
MAX_REQUEST_EVENTS: Final = 200  # events sent along with a question
MAX_FILTER_VALUES: Final = 1000  # items or categories named in a filter
ITEM_SPACING_S: Final = 60  # seconds between items that came without a time

Price = Annotated[float, Meta(ge=0, le=MAX_PRICE)]
IdList = Annotated[list[Id], Meta(max_length=MAX_FILTER_VALUES)]
Arm = Literal["champion"]


class RequestEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event sent with the question only: it counts for this answer and is not kept."""

    item_id: Id
    event_type: EventType | None = None
    event_time: Timestamp | None = None
    title: Annotated[str, Meta(max_length=MAX_TITLE_LENGTH)] | None = None
    category: ShortText | None = None
    price: Price | None = None

    def __post_init__(self) -> None:
        strip_ids(self, "item_id")
        strip_names(self, "title", "category")


class RecommendationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who asks, what is known of them beyond that, and what may be shown."""

    user_id: Id | None = None
    session_id: Annotated[Id | None, Meta(description="counts where no user_id is given")] = None
    items: Annotated[list[Id], Meta(max_length=MAX_REQUEST_EVENTS, description="items just met, oldest first")] = []
    events: Annotated[
        list[RequestEvent], Meta(max_length=MAX_REQUEST_EVENTS, description="as items, with what is known of them")
    ] = []
    k: Annotated[int, Meta(ge=1, le=MAX_K, description="how many items")] = 10
    exclude: Annotated[IdList, Meta(description="items not to show")] = []
    only: Annotated[IdList | None, Meta(description="show nothing but these items")] = None
    categories: Annotated[IdList | None, Meta(description="show nothing but these categories")] = None
    price_min: Annotated[Price | None, Meta(description="show nothing cheaper")] = None
    price_max: Annotated[Price | None, Meta(description="show nothing dearer")] = None
    exclude_seen: Annotated[bool, Meta(description="show nothing the shopper has had to do with")] = False

    def __post_init__(self) -> None:
        strip_ids(self, "user_id", "session_id", "items", "exclude", "only", "categories")


LIST_PARAMS: Final = frozenset({"items", "exclude", "only", "categories"})
FILTER_PARAMS: Final = frozenset({"k", "exclude", "only", "categories", "price_min", "price_max"})
EXPLANATION_PARAMS: Final = frozenset({"user_id", "session_id", "items", "k"})
QUERY_PARAMS: Final = frozenset(RecommendationRequest.__struct_fields__) - {"events"}


def parse_query(pairs: Iterable[tuple[str, str]], names: frozenset[str] = QUERY_PARAMS) -> RecommendationRequest:
    """A question out of a query string. Lists: parameters repeated, or parted by commas.

    Raises RequestError (422) naming the parameter that is wrong or unknown.
    """
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name not in names:
            raise RequestError(422, name, "is no parameter here", f"use {', '.join(sorted(names))}")
        if name in LIST_PARAMS:
            values.setdefault(name, []).extend(part.strip() for part in value.split(",") if part.strip())
        else:
            values[name] = value
    try:
        request = msgspec.convert(values, RecommendationRequest, strict=False)
    except msgspec.ValidationError as error:
        raise unprocessable_error(error, "query") from None
    for name, value in values.items():
        if getattr(request, name) is None:  # msgspec reads the text `null` as no value: a filter would be no filter
            raise RequestError(422, f"query.{name}", f"{value!r} is no value", "send one, or leave the parameter out")
    return request


def parse_body(body: bytes) -> RecommendationRequest:
    """A question out of JSON. Raises RequestError: 400 no JSON, 422 naming the field that is wrong or unknown."""
    try:
        return _request_decoder.decode(body)
    except msgspec.ValidationError as error:
        raise unprocessable_error(error, "body") from None
    except JSON_ERRORS as error:
        raise RequestError(
            400, "body", json_error_message(error), "send a question as a JSON object in UTF-8"
        ) from None


_request_decoder = msgspec.json.Decoder(RecommendationRequest)


class ItemResult(msgspec.Struct, frozen=True):
    """One item of an answer, with what the catalogue says of it; price null: unknown."""

    item_id: str
    score: float
    title: str
    category: str
    price: float | None


class RecommendationResponse(msgspec.Struct, frozen=True):
    """The items, best first, and who says so."""

    request_id: str
    tier: Tier
    arm: Arm
    bundle: str
    release: int
    items: list[ItemResult]


EventWithMetadata = tuple[HistoryEvent, ItemMetadata]  # an event as histories know it, and what it said of its item


def request_events(request: RecommendationRequest, now: int, default_type: EventType) -> list[EventWithMetadata]:
    """The question's own items and events, oldest first. now: microseconds. usual: the type of what names none.

    What brings no time was met a minute after the one before it, the last of them just now.
    """
    events = [*(RequestEvent(item) for item in request.items), *request.events]
    times = [
        _event_seconds(event, now, ITEM_SPACING_S * (len(events) - 1 - index)) for index, event in enumerate(events)
    ]
    pairs = [
        _with_metadata(click, default_type, seconds, day_of(now)) for click, seconds in zip(events, times, strict=True)
    ]
    return sorted(pairs, key=lambda pair: pair[0].time)


def _event_seconds(event: RequestEvent, now: int, offset: int) -> int:
    return (
        now // MICROS_PER_SECOND - offset
        if event.event_time is None
        else to_micros(event.event_time) // MICROS_PER_SECOND
    )


def _with_metadata(request_event: RequestEvent, default_type: EventType, seconds: int, day: int) -> EventWithMetadata:
    event = HistoryEvent(request_event.item_id, request_event.event_type or default_type, seconds, day)
    return event, ItemMetadata(request_event.title or "", request_event.category or "", request_event.price)
