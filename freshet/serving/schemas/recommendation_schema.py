"""Recommendation requests, as a query string or as JSON, and their response."""

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from freshet.data.columns import EventType
from freshet.inference.ranker import Tier
from freshet.serving.errors import RequestError
from freshet.serving.schemas.event_schema import MAX_PRICE, MAX_TITLE_LENGTH, Id, ShortText, Timestamp
from freshet.serving.schemas.field_errors import JSON_ERRORS, json_error_message, unprocessable_error
from freshet.serving.schemas.trimming import strip_ids, strip_names

MAX_K: Final = 500  # items of one response
MAX_REQUEST_EVENTS: Final = 200  # events sent with a request
MAX_FILTER_VALUES: Final = 1000  # items or categories named in a filter

Price = Annotated[float, Meta(ge=0, le=MAX_PRICE)]
IdList = Annotated[list[Id], Meta(max_length=MAX_FILTER_VALUES)]
Arm = Literal["champion"]


class RequestEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event sent with a request: it counts for this response only and is not stored."""

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
    """The shopper, events in addition to their history, and filters on the items."""

    user_id: Id | None = None
    session_id: Annotated[Id | None, Meta(description="used if there is no user_id")] = None
    items: Annotated[list[Id], Meta(max_length=MAX_REQUEST_EVENTS, description="items just viewed, oldest first")] = []
    events: Annotated[
        list[RequestEvent],
        Meta(max_length=MAX_REQUEST_EVENTS, description="like items, with type, time, title, category and price"),
    ] = []
    k: Annotated[int, Meta(ge=1, le=MAX_K, description="how many items")] = 10
    exclude: Annotated[IdList, Meta(description="items to leave out")] = []
    only: Annotated[IdList | None, Meta(description="only these items")] = None
    categories: Annotated[IdList | None, Meta(description="only items of these categories")] = None
    price_min: Annotated[Price | None, Meta(description="only items that cost at least this")] = None
    price_max: Annotated[Price | None, Meta(description="only items that cost at most this")] = None
    exclude_seen: Annotated[bool, Meta(description="leave out items of the history and of this request")] = False

    def __post_init__(self) -> None:
        strip_ids(self, "user_id", "session_id", "items", "exclude", "only", "categories")


LIST_PARAMS: Final = frozenset({"items", "exclude", "only", "categories"})
FILTER_PARAMS: Final = frozenset({"k", "exclude", "only", "categories", "price_min", "price_max"})
EXPLANATION_PARAMS: Final = frozenset({"user_id", "session_id", "items", "k"})
QUERY_PARAMS: Final = frozenset(RecommendationRequest.__struct_fields__) - {"events"}


def parse_query(pairs: Iterable[tuple[str, str]], names: frozenset[str] = QUERY_PARAMS) -> RecommendationRequest:
    """Return the request of a query string. Lists: parameters are repeated, or values separated by commas.

    Raises RequestError (422) naming the parameter that is wrong or unknown.
    """
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name not in names:
            raise RequestError(422, name, "is not a parameter of this address", f"use {', '.join(sorted(names))}")
        if name in LIST_PARAMS:
            values.setdefault(name, []).extend(part.strip() for part in value.split(",") if part.strip())
        else:
            values[name] = value
    try:
        request = msgspec.convert(values, RecommendationRequest, strict=False)
    except msgspec.ValidationError as error:
        raise unprocessable_error(error, "query") from None
    for name, value in values.items():
        if getattr(request, name) is None:  # msgspec reads the text `null` as None: the filter would be ignored
            raise RequestError(
                422, f"query.{name}", f"{value!r} is not a value", "send one, or leave the parameter out"
            )
    return request


def parse_body(body: bytes) -> RecommendationRequest:
    """Return the request of a JSON body. Raises RequestError: 400 not JSON, 422 with the wrong or unknown field."""
    try:
        return _request_decoder.decode(body)
    except msgspec.ValidationError as error:
        raise unprocessable_error(error, "body") from None
    except JSON_ERRORS as error:
        raise RequestError(
            400, "body", json_error_message(error), "send the request as a JSON object in UTF-8"
        ) from None


_request_decoder = msgspec.json.Decoder(RecommendationRequest)


class ItemResult(msgspec.Struct, frozen=True):
    """One recommended item, with its catalogue columns. price: None if unknown."""

    item_id: str
    score: float
    title: str
    category: str
    price: float | None


class RecommendationResponse(msgspec.Struct, frozen=True):
    """The items, best first, with the tier, the bundle and the release that ranked them."""

    request_id: str
    tier: Tier
    arm: Arm
    bundle: str
    release: int
    items: list[ItemResult]
