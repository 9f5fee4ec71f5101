"""Simulated shoppers who come, click, and answer the list they are shown: a better list is clicked more often."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

import numpy as np

from freshet.errors import SettingsError
from freshet.simulation.catalogue import price_factor
from freshet.simulation.choices import BOUGHT, DRAWS, LOOKED, RECENT, Choices, Situation, choices
from freshet.simulation.clock import DAY, day_number
from freshet.simulation.cycles import due
from freshet.simulation.goods import CATEGORIES
from freshet.simulation.memories import Memory, memories, visits_before
from freshet.simulation.moments import EVENT_NAMES
from freshet.simulation.reactions import appeal, clicked_place
from freshet.simulation.shop import Shop
from freshet.simulation.shoppers import GUEST, MEMBER
from freshet.simulation.tastes import tastes

STREAM, GUEST_STREAM = 3, 30  # random numbers of their own
GUESTS: Final = 4_096  # kinds of strangers; each comes as if for the first time
CLICKS: Final = 3  # at most, before the list is seen
SECONDS: Final = 20  # between two clicks
OPENS: Final = 9 * 3_600  # seconds after midnight
BUYS: Final = 0.25  # of what is clicked in a list

Event = dict[str, object]


@dataclass(frozen=True)
class Visit:
    """Somebody is in the shop."""

    user_id: str | None  # None: a guest
    session_id: str
    events: tuple[Event, ...]  # what they clicked so far, oldest first, ready to be posted to the gateway
    number: int  # from 1
    shopper: int  # number in the shop; the live shop's guests come after everybody
    wanted: str  # the item they would go to next by themselves
    moment: int  # seconds since 1970 of the last click


@dataclass(frozen=True)
class Reaction:
    """What they did with the list."""

    kind: Literal["left", "clicked", "bought"]
    position: int | None  # from 1; None if they left
    events: tuple[Event, ...]  # theirs since, ready to be posted; none if they left


class LiveShop:
    """The shop open for visitors on one day, `day` from 0 up to the shop's number of days.

    Members come as they are after everything that happened before that day, with that day's habits and tastes; what
    they do here is remembered here. The same shop, day and seed give the same visitors, and the same answers to the
    same lists. clock: where it is given, events carry its time instead of the simulated day's.
    Raises SettingsError for a day that the shop does not have.
    """

    def __init__(self, shop: Shop, day: int, seed: int = 0, clock: Callable[[], datetime] | None = None) -> None:
        if not 0 <= day <= shop.params.days:
            what, fix = f"day {day} of a shop of {shop.params.days} days", f"give a day from 0 to {shop.params.days}"
            raise SettingsError("live shop", what, fix)
        self._shop, self._day, self._seed, self._clock = shop, day, seed, clock
        self._rules = _with_guests(shop)
        self._memories = memories(shop, day)
        midnight = (day_number(shop.params.first_day) + day) * DAY
        self._members = np.flatnonzero(shop.rules.kind == MEMBER)
        often = np.cumsum(visits_before(shop.events, midnight, self._members) + 1)
        self._often = often / often[-1]
        self._positions = {str(item): position for position, item in enumerate(shop.catalogue.item_ids)}
        self._moment, self._visits, self._events = midnight + OPENS, 0, 0

    def visit(self) -> Visit:
        """Somebody comes and looks at one to three items."""
        self._visits += 1
        rng = self._stream(self._visits, 0)
        shopper = self._comer(rng)
        clicks = int(rng.integers(1, CLICKS + 1))
        moment = self._now(30 + clicks * SECONDS)
        user = f"u{shopper:05d}" if self._rules.kind[shopper] == MEMBER else None
        visit = Visit(user, f"s{self._day:03d}x{self._seed}x{self._visits:06d}", (), self._visits, shopper, "", moment)
        events: list[Event] = []
        for number in range(clicks):
            item = self._next(shopper, number == 0, rng)
            self._remember(shopper, item, LOOKED)
            events += self._told(visit, item, 1, moment - (clicks - 1 - number) * SECONDS)
        wanted = str(self._shop.catalogue.item_ids[self._next(shopper, False, rng)])
        return replace(visit, events=tuple(events), wanted=wanted)

    def answer(self, visit: Visit, shown: Sequence[str]) -> Reaction:
        """They look at the list from the top, until they click or have had enough. shown: item ids, best first."""
        rng = self._stream(visit.number, 1)
        buys = rng.random() < BUYS
        position = clicked_place([self._appeal(visit, item) for item in shown], rng)
        if position is None:
            return Reaction("left", None, ())
        item, went = self._positions[shown[position - 1]], BOUGHT if buys else LOOKED
        self._remember(visit.shopper, item, went)
        events = self._told(visit, item, went, max(self._now(0), visit.moment + SECONDS))
        return Reaction("bought" if buys else "clicked", position, tuple(events))

    def _comer(self, rng: np.random.Generator) -> int:
        """A member, the more often the more often they came before; or a guest, of whom nothing is known."""
        if rng.random() < self._shop.params.guest_share:
            guest = len(self._shop.rules.kind) + int(rng.integers(GUESTS))
            self._memories.pop(guest, None)
            return guest
        return int(self._members[np.searchsorted(self._often, rng.random(), side="right")])

    def _next(self, shopper: int, begins: bool, rng: np.random.Generator) -> int:
        """The item they go to next, by the rules of the day."""
        memory = self._memories.get(shopper, Memory())
        recent = np.zeros((1, RECENT), np.int64)
        recent[0, : len(memory.recent)] = memory.recent
        facts = (shopper, self._day, begins, begins and self._due(shopper, memory), memory.seen)
        who, day, begin, due, seen = (np.array([fact]) for fact in facts)
        now = Situation(who, day, begin, due, seen, recent, np.array([memory.went]), np.array([memory.owned]))
        place = int(self._rules.next_places(now, rng.random((1, DRAWS)))[0])
        return int(self._shop.catalogue.on_sale[self._day, place])

    def _remember(self, shopper: int, item: int, went: int) -> None:
        place = int(self._shop.catalogue.places[item])
        memory = self._memories.get(shopper, Memory())
        owned = self._rules.bought(np.array([memory.owned]), np.array([place]), np.array([went]))
        self._memories[shopper] = memory.with_look(place, went, int(owned[0]), self._day)

    def _due(self, shopper: int, memory: Memory) -> bool:
        """Whether they come for their consumable."""
        tastes, who = self._rules.tastes, np.array([shopper])
        day = due(tastes.period[who], tastes.phase[who], np.array([memory.day]), np.array([self._day]))
        return bool(day[0] and self._rules.staples[shopper] >= 0)

    def _appeal(self, visit: Visit, item_id: str) -> float:
        """0 for what is not on sale, or sold out."""
        goods, item = self._shop.catalogue, self._positions.get(item_id)
        if item is None or goods.on_sale[self._day, goods.places[item]] != item:
            return 0.0
        if self._rules.sold_out[self._day, goods.places[item]]:
            return 0.0
        wanted = self._positions[visit.wanted]
        liked = self._rules.likes(visit.shopper, self._day)
        return appeal(int(goods.categories[item]), item == wanted, int(goods.categories[wanted]), liked)

    def _told(self, visit: Visit, item: int, went: int, moment: int) -> list[Event]:
        """A look at an item and how far it went, as events for the gateway."""
        return [self._event(visit, item, str(EVENT_NAMES[kind]), moment + 5 * kind) for kind in range(went)]

    def _event(self, visit: Visit, item: int, kind: str, moment: int) -> Event:
        goods = self._shop.catalogue
        self._events += 1
        price = round(float(goods.prices[item]) * price_factor(self._shop.params, self._day), 2)
        return {
            "event_id": f"l{self._day:03d}x{self._seed}x{self._events:06d}",
            **({"user_id": visit.user_id} if visit.user_id else {}),
            "session_id": visit.session_id,
            "item_id": str(goods.item_ids[item]),
            "event_type": kind,
            "event_time": f"{np.datetime64(moment, 's')}Z",
            **({"quantity": 1} if kind == "purchase" else {}),
            "price": price,
            "title": str(goods.titles[item]),
            "category": CATEGORIES[goods.categories[item]][0],
        }

    def _now(self, later: int) -> int:
        """Seconds since 1970; in simulated time, the clock goes on by `later`."""
        self._moment += later
        return self._moment if self._clock is None else int(self._clock().timestamp())

    def _stream(self, visit: int, part: int) -> np.random.Generator:
        """Random numbers of one visit or answer: what one shopper does changes no other's."""
        return np.random.default_rng([self._shop.params.seed, STREAM, self._day, self._seed, visit, part])


def _with_guests(shop: Shop) -> Choices:
    """The shop's rules with strangers behind everybody whom it knows."""
    both = shop.rules.tastes.beside(tastes(shop.params, GUESTS, shop.params.seed, GUEST_STREAM))
    return choices(shop.params, shop.catalogue, both, np.concatenate([shop.rules.kind, np.full(GUESTS, GUEST)]))
