"""Simulated shoppers at the gateway: they come, are shown lists, and click, buy or, most of them, leave.

Visits are drawn before anything is shown, and a question brings the visit's clicks, which a gateway does not keep. So
the same visitors can be shown the lists of two releases, and differ by the lists only.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from freshet.simulation.live_shop import Event, LiveShop, Reaction, Visit
from pipelines.demo.gateway import Gateway
from pipelines.demo.shares import Estimate, clustered_mean
from pipelines.visits import SHOWN

TOLD = ("item_id", "event_type", "event_time", "title", "category")  # of an event, in a question
MOST_CLICKS = 200  # that a question may bring
A_POST = 500  # events


@dataclass(frozen=True)
class Audience:
    """V visits to a shop on one day. events: what each shopper had done on this day, up to the question."""

    shop: LiveShop
    visits: tuple[Visit, ...]
    events: tuple[tuple[Event, ...], ...]

    @property
    def questions(self) -> list[dict[str, object]]:
        """One a visit, as the gateway takes it."""
        return [_question(visit, events) for visit, events in zip(self.visits, self.events, strict=True)]


@dataclass(frozen=True)
class ClickThrough:
    """What became of the lists that an audience was shown, one a visit."""

    audience: Audience
    reactions: tuple[Reaction, ...]

    @property
    def share(self) -> Estimate:
        """Lists with a click, of all."""
        return clustered_mean(self._shoppers, self._clicked)

    def against(self, other: "ClickThrough") -> Estimate:
        """How much more often than `other`: each visit with itself where the audience is the same."""
        if other.audience is not self.audience:
            return self.share.less(other.share)
        differences = [one - two for one, two in zip(self._clicked, other._clicked, strict=True)]
        return clustered_mean(self._shoppers, differences)

    def events(self) -> list[Event]:
        """Everything that was done, in the order of the visits."""
        both = zip(self.audience.visits, self.reactions, strict=True)
        return [event for visit, reaction in both for event in (*visit.events, *reaction.events)]

    @property
    def _shoppers(self) -> list[int]:
        return [visit.shopper for visit in self.audience.visits]

    @property
    def _clicked(self) -> list[float]:
        return [float(reaction.kind != "left") for reaction in self.reactions]


def audience(shop: LiveShop, visits: int) -> Audience:
    """So many visits, before anything is shown."""
    own: dict[int, tuple[Event, ...]] = defaultdict(tuple)
    drawn: list[Visit] = []
    events: list[tuple[Event, ...]] = []
    for visit in (shop.visit() for _ in range(visits)):
        before = own[visit.shopper] if visit.user_id else ()  # a guest is somebody else each time
        own[visit.shopper] = (*before, *visit.events)[-MOST_CLICKS:]
        drawn.append(visit)
        events.append(own[visit.shopper])
    return Audience(shop, tuple(drawn), tuple(events))


def click_through(gateway: Gateway, visitors: Audience) -> ClickThrough:
    """Each visitor is shown the list of what serves now. Nothing is kept by the gateway but that it showed them."""
    shown = gateway.lists(visitors.questions)
    reactions = (visitors.shop.answer(visit, items) for visit, items in zip(visitors.visits, shown, strict=True))
    return ClickThrough(visitors, tuple(reactions))


def post(gateway: Gateway, events: Sequence[Event]) -> int:
    """Hand over what was done; returns how many events were acknowledged."""
    for first in range(0, len(events), A_POST):
        gateway.post(events[first : first + A_POST])
    return len(events)


def _question(visit: Visit, events: Sequence[Event]) -> dict[str, object]:
    who = {"user_id": visit.user_id} if visit.user_id else {"session_id": visit.session_id}
    return {**who, "k": SHOWN, "events": [{name: event[name] for name in TOLD} for event in events]}
