"""One visit at a gateway, by HTTP as any shop would: for the demo and the development loop."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from freshet.simulation.live_shop import ListReaction, LiveShop

LIST_SIZE: Final = 10  # items of a list


class GatewayClient(Protocol):
    """What a visit asks of a gateway. What it raises goes through."""

    def post(self, events: Sequence[dict[str, Any]]) -> None:
        """Hand over what somebody did."""

    def recommend(self, **query: Any) -> dict[str, Any] | None:
        """The answer to `user_id=…` or `session_id=…`; None while nothing serves."""


@dataclass(frozen=True)
class SessionResult:
    """What became of a visit. reaction: None where no list was shown. posted: events, all acknowledged."""

    reaction: ListReaction | None
    n_posted: int


def run_session(gateway: GatewayClient, shop: LiveShop) -> SessionResult:
    """Somebody comes: clicks are posted, a list is asked for, and what is done with it is posted, too."""
    session = shop.start_session()
    shopper_query = {"user_id": session.user_id} if session.user_id else {"session_id": session.session_id}
    gateway.post(session.events)
    response = gateway.recommend(k=LIST_SIZE, **shopper_query)
    if response is None:
        return SessionResult(None, len(session.events))
    reaction = shop.react_to_list(session, [item["item_id"] for item in response["items"]])
    if reaction.events:
        gateway.post(reaction.events)
    return SessionResult(reaction, len(session.events) + len(reaction.events))
