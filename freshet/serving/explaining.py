"""Why an item is shown to somebody, over HTTP: one explanation at a time, beside the thread that answers."""

import asyncio

import msgspec
import numpy as np

from freshet.columns import EventType
from freshet.live.explanation import explain
from freshet.live.released import Event, history_of
from freshet.serving.clock import SECOND, iso
from freshet.serving.gateway import Gateway, new_id
from freshet.serving.problems import too_busy
from freshet.serving.questions import Question
from freshet.serving.replies import Asking, item_index, unknown_item
from freshet.serving.served import Serving


class Because(msgspec.Struct, frozen=True):
    """An event of the shopper's. moved: without it the score would be lower by so much; negative: higher."""

    item_id: str
    event_type: EventType
    event_time: str
    title: str
    moved: float


class Explained(msgspec.Struct, frozen=True):
    """An item's score for a shopper, and the events behind it, the strongest first; none: it is what is popular."""

    request_id: str
    bundle: str
    release: int
    item_id: str
    score: float
    events: list[Because]


async def why(gateway: Gateway, question: Question, item: str) -> Explained:
    """Raises RequestError: 404 for an item nobody knows; 503 while nothing serves or another is being explained."""
    serving = gateway.current.serving
    if serving is None:
        raise gateway.current.nothing_serves()
    if item_index(serving, item) == 0:
        raise unknown_item(serving, item)
    if not gateway.explaining.acquire(blocking=False):
        raise too_busy("another explanation is under way")
    try:
        shopper = gateway.shopper(question.user_id, question.session_id)
        asking = Asking(question, shopper, gateway.clock.now())
        return await asyncio.to_thread(_explained, gateway, serving, asking, item)
    finally:
        gateway.explaining.release()


def _explained(gateway: Gateway, serving: Serving, asking: Asking, item: str) -> Explained:
    events = gateway.events_of(serving, asking)
    vocabulary = serving.bundle.vocabulary
    (found,) = explain(serving.ranker, history_of(events, vocabulary), np.array([item_index(serving, item)]))
    titles = {event[0]: "" for event in events}
    titles |= {name: str(vocabulary.titles[item_index(serving, name)]) for name in titles}
    because = [_because(events[one.event], titles, one.moved) for one in found.influences[: asking.question.k]]
    return Explained(new_id(), serving.bundle.id, serving.number, item, found.score, because)


def _because(event: Event, titles: dict[str, str], moved: float) -> Because:
    item, kind, seconds, _ = event
    return Because(item, kind, iso(seconds * SECOND), titles[item], moved)  # type: ignore[arg-type]
