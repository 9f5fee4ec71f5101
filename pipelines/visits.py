"""One visit at a gateway, by HTTP as any shop would: for the demo and the development loop."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from freshet.simulation.live_shop import LiveShop, Reaction

SHOWN: Final = 10  # items of a list


class Counter(Protocol):
    """What a visit asks of a gateway. What it raises goes through."""

    def post(self, events: Sequence[dict[str, Any]]) -> None:
        """Hand over what somebody did."""

    def recommended(self, **who: Any) -> dict[str, Any] | None:
        """The answer to `user_id=…` or `session_id=…`; None while nothing serves."""


@dataclass(frozen=True)
class Visited:
    """What became of a visit. reaction: None where no list was shown. posted: events, all acknowledged."""

    reaction: Reaction | None
    posted: int


def visit_once(counter: Counter, shop: LiveShop) -> Visited:
    """Somebody comes: clicks are posted, a list is asked for, and what is done with it is posted, too."""
    visit = shop.visit()
    who = {"user_id": visit.user_id} if visit.user_id else {"session_id": visit.session_id}
    counter.post(visit.events)
    answer = counter.recommended(k=SHOWN, **who)
    if answer is None:
        return Visited(None, len(visit.events))
    reaction = shop.answer(visit, [item["item_id"] for item in answer["items"]])
    if reaction.events:
        counter.post(reaction.events)
    return Visited(reaction, len(visit.events) + len(reaction.events))
