"""One simulated session at a gateway over HTTP, for the demo and `make dev`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from freshet.simulation.live_shop import ListReaction, LiveShop

LIST_SIZE: Final = 10  # items of a list


class GatewayClient(Protocol):
    """The gateway calls of a session. Their errors are passed on."""

    def post(self, events: Sequence[dict[str, Any]]) -> None:
        """Post events."""

    def recommend(self, **query: Any) -> dict[str, Any] | None:
        """Return the response to `user_id=…` or `session_id=…`; None before the first release."""


@dataclass(frozen=True)
class SessionResult:
    """The result of a session. reaction: None if no list was shown. n_posted: events, all acknowledged."""

    reaction: ListReaction | None
    n_posted: int


def run_session(gateway: GatewayClient, shop: LiveShop) -> SessionResult:
    """Post the clicks of a new session, request a list, and post the reaction to it."""
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
