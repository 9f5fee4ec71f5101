"""What is answered to a group of questions, from one release and from what is known at this moment."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from freshet.live.latest import merged
from freshet.serving.ladder import Asked, Listed, climb, popular, similar
from freshet.serving.ledger import Recent, recent
from freshet.serving.problems import RequestError
from freshet.serving.questions import Question, met
from freshet.serving.served import Known, Serving, known_items

NOBODY: Final = Recent([], [])
NONE: Final = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Asking:
    """A question with who asks and when."""

    question: Question
    shopper: str | None  # pseudonym
    now: int  # microseconds
    kind: Literal["recommend", "similar", "popular"] = "recommend"
    item: str = ""  # what it shall be similar to


@dataclass(frozen=True)
class Answered:
    """A list, and the release that it came from."""

    listed: Listed
    serving: Serving


def replies(
    serving: Serving, known: Known, reader: sqlite3.Connection | None, askings: Sequence[Asking]
) -> list[Answered | RequestError]:
    """One for each. reader: None where the gateway's own events cannot be read. Raises sqlite3.Error."""
    asked = [prepared(serving, known, reader, one) for one in askings if one.kind == "recommend"]
    climbed = iter(climb(serving, asked) if asked else ())
    kinds = {"similar": _similar, "popular": _popular}
    return [kinds[one.kind](serving, one) if one.kind in kinds else Answered(next(climbed), serving) for one in askings]


def prepared(serving: Serving, known: Known, reader: sqlite3.Connection | None, asking: Asking) -> Asked:
    """Everything that is known of the shopper now: the lake's histories, the gateway's own events, the question's."""
    question, shopper = asking.question, asking.shopper
    own = recent(reader, shopper) if shopper and reader else NOBODY
    sent = met(question, asking.now, serving.bundle.manifest.event_type)
    events = merged(known.of(shopper) if shopper else [], own.events)
    if sent:
        events = sorted([*events, *(event for event, _ in sent)], key=lambda event: event[2])
    seen = known_items(serving, events) if question.exclude_seen else NONE
    contents = [*own.contents, *(content for _, content in sent)]
    forbidden = serving.catalogue.forbidden(question, seen)
    ready = known.list_of(shopper, serving.bundle.id, events) if shopper else None
    narrowed = question.categories is not None
    return Asked(events, contents, forbidden, narrowed, question.k, ready, known.lists_first)


def _popular(serving: Serving, asking: Asking) -> Answered | RequestError:
    question = asking.question
    unknown = [name for name in question.categories or () if name not in serving.catalogue.codes]
    if unknown:
        what = f"release {serving.number} knows no category {unknown[0]!r}"
        return RequestError(404, "categories", what, "write it as it stands in the catalogue")
    forbidden = serving.catalogue.forbidden(question, NONE)
    narrowed = question.categories is not None
    return Answered(popular(serving, "", forbidden, question.k, narrowed=narrowed), serving)


def _similar(serving: Serving, asking: Asking) -> Answered | RequestError:
    index = item_index(serving, asking.item)
    if index == 0:
        return unknown_item(serving, asking.item)
    forbidden = serving.catalogue.forbidden(asking.question, NONE)
    return Answered(similar(serving, index, forbidden, asking.question.k), serving)


def item_index(serving: Serving, item: str) -> int:
    """The release's number of an item; 0 where it does not know it."""
    return int(serving.bundle.vocabulary.index_of([item])[0])


def unknown_item(serving: Serving, item: str) -> RequestError:
    """404: the release does not know the item."""
    what = f"release {serving.number} does not know the item {item!r}"
    fix = "check the id; a new item is known when its first event has gone through the lake"
    return RequestError(404, "item_id", what, fix)
