"""Simulated shoppers at the gateway: draw sessions, show them lists, and measure the click rate.

Sessions are drawn before any list is shown, and each request carries the session's events, which the gateway does not
store. So the same sessions can be shown the lists of two releases, and the reactions differ only by the lists.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from freshet.simulation.live_shop import EventPayload, ListReaction, LiveSession, LiveShop
from pipelines.demo.click_rates import Estimate, clustered_mean
from pipelines.demo.gateway import GatewayProcess
from pipelines.shopper_session import LIST_SIZE

REQUEST_EVENT_FIELDS = ("item_id", "event_type", "event_time", "title", "category")
MAX_REQUEST_EVENTS = 200  # events that a recommendation request may carry
MAX_POST_EVENTS = 500  # events per POST


@dataclass(frozen=True)
class Audience:
    """V sessions to a shop on one day. events: of each session's shopper on this day, up to the request."""

    shop: LiveShop
    sessions: tuple[LiveSession, ...]
    events: tuple[tuple[EventPayload, ...], ...]

    @property
    def requests(self) -> list[dict[str, object]]:
        """Return the request of each session, as the gateway takes it."""
        return [
            _recommendation_request(session, events) for session, events in zip(self.sessions, self.events, strict=True)
        ]


@dataclass(frozen=True)
class ClickThrough:
    """The reactions of an audience to its lists, one per session."""

    audience: Audience
    reactions: tuple[ListReaction, ...]

    @property
    def rate(self) -> Estimate:
        """Return the share of lists with a click."""
        return clustered_mean(self._shoppers, self._clicked)

    def difference_to(self, other: "ClickThrough") -> Estimate:
        """Return the difference of the click rates; paired by session if the audience is the same."""
        if other.audience is not self.audience:
            return self.rate.minus(other.rate)
        differences = [
            clicked - other_clicked for clicked, other_clicked in zip(self._clicked, other._clicked, strict=True)
        ]
        return clustered_mean(self._shoppers, differences)

    def events(self) -> list[EventPayload]:
        """Return all events of the sessions and the reactions, in the order of the sessions."""
        pairs = zip(self.audience.sessions, self.reactions, strict=True)
        return [event for session, reaction in pairs for event in (*session.events, *reaction.events)]

    @property
    def _shoppers(self) -> list[int]:
        return [session.shopper for session in self.audience.sessions]

    @property
    def _clicked(self) -> list[float]:
        return [float(reaction.kind != "left") for reaction in self.reactions]


def draw_audience(shop: LiveShop, n_sessions: int) -> Audience:
    """Draw sessions before any list is shown."""
    events_by_shopper: dict[int, tuple[EventPayload, ...]] = defaultdict(tuple)
    sessions: list[LiveSession] = []
    events: list[tuple[EventPayload, ...]] = []
    for session in (shop.start_session() for _ in range(n_sessions)):
        earlier_events = (
            events_by_shopper[session.shopper] if session.user_id else ()
        )  # every guest session is another guest
        events_by_shopper[session.shopper] = (*earlier_events, *session.events)[-MAX_REQUEST_EVENTS:]
        sessions.append(session)
        events.append(events_by_shopper[session.shopper])
    return Audience(shop, tuple(sessions), tuple(events))


def measure_click_through(gateway: GatewayProcess, audience: Audience) -> ClickThrough:
    """Show each session the list of the active release. The gateway records impressions only."""
    item_lists = gateway.recommend_item_lists(audience.requests)
    reactions = (
        audience.shop.react_to_list(session, item_ids)
        for session, item_ids in zip(audience.sessions, item_lists, strict=True)
    )
    return ClickThrough(audience, tuple(reactions))


def post_events(gateway: GatewayProcess, events: Sequence[EventPayload]) -> int:
    """Post the events; return how many were acknowledged."""
    for offset in range(0, len(events), MAX_POST_EVENTS):
        gateway.post(events[offset : offset + MAX_POST_EVENTS])
    return len(events)


def _recommendation_request(session: LiveSession, events: Sequence[EventPayload]) -> dict[str, object]:
    shopper_query = {"user_id": session.user_id} if session.user_id else {"session_id": session.session_id}
    return {
        **shopper_query,
        "k": LIST_SIZE,
        "events": [{name: event[name] for name in REQUEST_EVENT_FIELDS} for event in events],
    }
