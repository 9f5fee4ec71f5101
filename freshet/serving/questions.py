"""What is asked of the ranker, and what is answered: the same for GET and POST."""

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from freshet.columns import EventType
from freshet.live.ranker import Tier
from freshet.serving.blanks import strip_ids, strip_names
from freshet.serving.clock import SECOND, day_of, micros_of
from freshet.serving.ledger import Content
from freshet.serving.posted import HIGHEST_PRICE, LONGEST_TITLE, Id, Moment, Text
from freshet.serving.problems import NO_JSON, RequestError, unprocessable, why_no_json

MOST: Final = 500  # items of one answer
CLICKS: Final = 200  # events sent along with a question
NAMED: Final = 1000  # items or categories named in a filter
APART: Final = 60  # seconds between items that came without a time

Money = Annotated[float, Meta(ge=0, le=HIGHEST_PRICE)]
Names = Annotated[list[Id], Meta(max_length=NAMED)]
Arm = Literal["champion"]


class Click(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event sent with the question only: it counts for this answer and is not kept."""

    item_id: Id
    event_type: EventType | None = None
    event_time: Moment | None = None
    title: Annotated[str, Meta(max_length=LONGEST_TITLE)] | None = None
    category: Text | None = None
    price: Money | None = None

    def __post_init__(self) -> None:
        strip_ids(self, "item_id")
        strip_names(self, "title", "category")


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who asks, what is known of them beyond that, and what may be shown."""

    user_id: Id | None = None
    session_id: Annotated[Id | None, Meta(description="counts where no user_id is given")] = None
    items: Annotated[list[Id], Meta(max_length=CLICKS, description="items just met, oldest first")] = []
    events: Annotated[list[Click], Meta(max_length=CLICKS, description="as items, with what is known of them")] = []
    k: Annotated[int, Meta(ge=1, le=MOST, description="how many items")] = 10
    exclude: Annotated[Names, Meta(description="items not to show")] = []
    only: Annotated[Names | None, Meta(description="show nothing but these items")] = None
    categories: Annotated[Names | None, Meta(description="show nothing but these categories")] = None
    price_min: Annotated[Money | None, Meta(description="show nothing cheaper")] = None
    price_max: Annotated[Money | None, Meta(description="show nothing dearer")] = None
    exclude_seen: Annotated[bool, Meta(description="show nothing the shopper has had to do with")] = False

    def __post_init__(self) -> None:
        strip_ids(self, "user_id", "session_id", "items", "exclude", "only", "categories")


LISTS: Final = frozenset({"items", "exclude", "only", "categories"})
FILTERS: Final = frozenset({"k", "exclude", "only", "categories", "price_min", "price_max"})
EXPLAINED: Final = frozenset({"user_id", "session_id", "items", "k"})
IN_QUERY: Final = frozenset(Question.__struct_fields__) - {"events"}


def from_query(pairs: Iterable[tuple[str, str]], names: frozenset[str] = IN_QUERY) -> Question:
    """A question out of a query string. Lists: parameters repeated, or parted by commas.

    Raises RequestError (422) naming the parameter that is wrong or unknown.
    """
    given: dict[str, Any] = {}
    for name, value in pairs:
        if name not in names:
            raise RequestError(422, name, "is no parameter here", f"use {', '.join(sorted(names))}")
        if name in LISTS:
            given.setdefault(name, []).extend(part.strip() for part in value.split(",") if part.strip())
        else:
            given[name] = value
    try:
        question = msgspec.convert(given, Question, strict=False)
    except msgspec.ValidationError as error:
        raise unprocessable(error, "query") from None
    for name, value in given.items():
        if getattr(question, name) is None:  # msgspec reads the text `null` as no value: a filter would be no filter
            raise RequestError(422, f"query.{name}", f"{value!r} is no value", "send one, or leave the parameter out")
    return question


def from_body(body: bytes) -> Question:
    """A question out of JSON. Raises RequestError: 400 no JSON, 422 naming the field that is wrong or unknown."""
    try:
        return _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise unprocessable(error, "body") from None
    except NO_JSON as error:
        raise RequestError(400, "body", why_no_json(error), "send a question as a JSON object in UTF-8") from None


_decoder = msgspec.json.Decoder(Question)


class Shown(msgspec.Struct, frozen=True):
    """One item of an answer, with what the catalogue says of it; price null: unknown."""

    item_id: str
    score: float
    title: str
    category: str
    price: float | None


class Answer(msgspec.Struct, frozen=True):
    """The items, best first, and who says so."""

    request_id: str
    tier: Tier
    arm: Arm
    bundle: str
    release: int
    items: list[Shown]


Met = tuple[tuple[str, str, int, int], Content]  # an event as histories know it, and what it said of its item


def met(question: Question, now: int, usual: EventType) -> list[Met]:
    """The question's own items and events, oldest first. now: microseconds. usual: the type of what names none.

    What brings no time was met a minute after the one before it, the last of them just now.
    """
    clicks = [*(Click(item) for item in question.items), *question.events]
    times = [_seconds(click, now, APART * (len(clicks) - 1 - place)) for place, click in enumerate(clicks)]
    found = [_met(click, usual, seconds, day_of(now)) for click, seconds in zip(clicks, times, strict=True)]
    return sorted(found, key=lambda pair: pair[0][2])


def _seconds(click: Click, now: int, before: int) -> int:
    return now // SECOND - before if click.event_time is None else micros_of(click.event_time) // SECOND


def _met(click: Click, usual: EventType, seconds: int, day: int) -> Met:
    event = (click.item_id, click.event_type or usual, seconds, day)
    return event, Content(click.title or "", click.category or "", click.price)
