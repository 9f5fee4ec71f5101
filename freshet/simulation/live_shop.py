"""The live shop: simulated shoppers start sessions and react to recommendation lists; better lists get more clicks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

import numpy as np

from freshet.data.day_numbers import day_number
from freshet.errors import SettingsError
from freshet.simulation.catalogue import price_factor
from freshet.simulation.choice_model import (
    DRAWS_PER_VIEW,
    MAX_RECENT_SLOTS,
    PURCHASED,
    VIEWED,
    ChoiceContext,
    ChoiceModel,
    build_choice_model,
)
from freshet.simulation.click_model import click_probability, clicked_position
from freshet.simulation.events import EVENT_NAMES
from freshet.simulation.preferences import draw_preferences
from freshet.simulation.product_titles import CATEGORIES
from freshet.simulation.seasonality import DAY_SECONDS
from freshet.simulation.shop import Shop
from freshet.simulation.shopper_state import ShopperState, count_sessions_before, shopper_states
from freshet.simulation.shoppers import GUEST, MEMBER

SESSION_STREAM, GUEST_STREAM = 3, 30  # streams of random numbers
GUEST_POOL_SIZE: Final = 4_096  # guests with different preferences; each session starts without a history
MAX_INITIAL_CLICKS: Final = 3  # clicks of a session before its list is shown
CLICK_INTERVAL_S: Final = 20  # seconds between two clicks
OPENING_TIME_S: Final = 9 * 3_600  # seconds after midnight
P_BUY_AFTER_CLICK: Final = 0.25  # probability that a clicked item is bought

EventPayload = dict[str, object]


@dataclass(frozen=True)
class LiveSession:
    """A session before its list is shown."""

    user_id: str | None  # None: a guest
    session_id: str
    events: tuple[EventPayload, ...]  # the clicks so far, oldest first, as the gateway takes them
    number: int  # from 1
    shopper: int  # number in the shop; the guests of the live shop follow after all others
    intended_item: str  # the item that the choice model picks next
    last_click_time: int  # seconds since 1970 of the last click


@dataclass(frozen=True)
class ListReaction:
    """The reaction to a list."""

    kind: Literal["left", "clicked", "bought"]
    position: int | None  # of the click, from 1; None if they left
    events: tuple[EventPayload, ...]  # events of the click, as the gateway takes them; none if they left


class LiveShop:
    """Live sessions on one day of the shop, from 0 to the number of days.

    Members start with the state that all events before the day left, and with that day's habits and tastes; their
    state follows what they do here. The same shop, day and seed give the same sessions, and the same reactions to the
    same lists. clock: if given, events carry its time instead of the simulated day's.
    Raises SettingsError for a day that the shop does not have.
    """

    def __init__(self, shop: Shop, day: int, seed: int = 0, clock: Callable[[], datetime] | None = None) -> None:
        if not 0 <= day <= shop.params.days:
            what, fix = f"day {day} of a shop of {shop.params.days} days", f"give a day from 0 to {shop.params.days}"
            raise SettingsError("live shop", what, fix)
        self._shop, self._day, self._seed, self._clock = shop, day, seed, clock
        self._choice_model = _choice_model_with_guests(shop)
        self._shopper_states = shopper_states(shop, day)
        midnight = (day_number(shop.params.first_day) + day) * DAY_SECONDS
        self._members = np.flatnonzero(shop.choice_model.shopper_kind == MEMBER)
        cumulative_sessions = np.cumsum(count_sessions_before(shop.events, midnight, self._members) + 1)
        self._member_cdf = cumulative_sessions / cumulative_sessions[-1]
        self._item_index = {str(item): position for position, item in enumerate(shop.catalogue.item_ids)}
        self._time, self._n_sessions, self._n_events = midnight + OPENING_TIME_S, 0, 0

    def start_session(self) -> LiveSession:
        """Return the next session, with one to three views."""
        self._n_sessions += 1
        rng = self._session_rng(self._n_sessions, 0)
        shopper = self._draw_shopper(rng)
        clicks = int(rng.integers(1, MAX_INITIAL_CLICKS + 1))
        last_click_time = self._advance_clock(30 + clicks * CLICK_INTERVAL_S)
        user_id = f"u{shopper:05d}" if self._choice_model.shopper_kind[shopper] == MEMBER else None
        session = LiveSession(
            user_id=user_id,
            session_id=f"s{self._day:03d}x{self._seed}x{self._n_sessions:06d}",
            events=(),
            number=self._n_sessions,
            shopper=shopper,
            intended_item="",
            last_click_time=last_click_time,
        )
        events: list[EventPayload] = []
        for click_index in range(clicks):
            item = self._choose_next_item(shopper, click_index == 0, rng)
            self._record_view(shopper, item, VIEWED)
            events += self._view_events(
                session, item, 1, last_click_time - (clicks - 1 - click_index) * CLICK_INTERVAL_S
            )
        intended_item = str(self._shop.catalogue.item_ids[self._choose_next_item(shopper, False, rng)])
        return replace(session, events=tuple(events), intended_item=intended_item)

    def react_to_list(self, session: LiveSession, item_ids: Sequence[str]) -> ListReaction:
        """Return the reaction to a list. item_ids: best first. A click changes the shopper's state."""
        rng = self._session_rng(session.number, 1)
        is_purchase = rng.random() < P_BUY_AFTER_CLICK
        position = clicked_position([self._click_probability(session, item) for item in item_ids], rng)
        if position is None:
            return ListReaction("left", None, ())
        item, funnel_depth = self._item_index[item_ids[position - 1]], PURCHASED if is_purchase else VIEWED
        self._record_view(session.shopper, item, funnel_depth)
        events = self._view_events(
            session, item, funnel_depth, max(self._advance_clock(0), session.last_click_time + CLICK_INTERVAL_S)
        )
        return ListReaction("bought" if is_purchase else "clicked", position, tuple(events))

    def _draw_shopper(self, rng: np.random.Generator) -> int:
        """Return a member, weighted by the number of earlier sessions, or a guest without a history."""
        if rng.random() < self._shop.params.guest_share:
            guest = len(self._shop.choice_model.shopper_kind) + int(rng.integers(GUEST_POOL_SIZE))
            self._shopper_states.pop(guest, None)
            return guest
        return int(self._members[np.searchsorted(self._member_cdf, rng.random(), side="right")])

    def _choose_next_item(self, shopper: int, session_starts: bool, rng: np.random.Generator) -> int:
        """Return the item that the choice model picks next."""
        state = self._shopper_states.get(shopper, ShopperState())
        recent_slots = np.zeros((1, MAX_RECENT_SLOTS), np.int64)
        recent_slots[0, : len(state.recent_slots)] = state.recent_slots
        context = ChoiceContext(
            shopper=np.array([shopper]),
            day=np.array([self._day]),
            session_starts=np.array([session_starts]),
            replenishment_due=np.array([session_starts and self._is_replenishment_due(shopper, state)]),
            n_views=np.array([state.n_views]),
            recent_slots=recent_slots,
            funnel_depth=np.array([state.funnel_depth]),
            owned_categories=np.array([state.owned_categories]),
        )
        slot = int(self._choice_model.choose_next_slots(context, rng.random((1, DRAWS_PER_VIEW)))[0])
        return int(self._shop.catalogue.on_sale[self._day, slot])

    def _record_view(self, shopper: int, item: int, funnel_depth: int) -> None:
        slot = int(self._shop.catalogue.slots[item])
        state = self._shopper_states.get(shopper, ShopperState())
        owned_categories = self._choice_model.update_owned_categories(
            np.array([state.owned_categories]), np.array([slot]), np.array([funnel_depth])
        )
        self._shopper_states[shopper] = state.with_view(slot, funnel_depth, int(owned_categories[0]), self._day)

    def _is_replenishment_due(self, shopper: int, state: ShopperState) -> bool:
        """Return whether the session is for buying the shopper's consumable again."""
        last_day, day = np.array([state.last_day]), np.array([self._day])
        return bool(self._choice_model.is_replenishment_due(np.array([shopper]), last_day, day)[0])

    def _click_probability(self, session: LiveSession, item_id: str) -> float:
        """Return the click probability of an item; 0 if it is unknown, not on sale or sold out."""
        catalogue, item = self._shop.catalogue, self._item_index.get(item_id)
        if item is None or catalogue.on_sale[self._day, catalogue.slots[item]] != item:
            return 0.0
        if self._choice_model.sold_out[self._day, catalogue.slots[item]]:
            return 0.0
        intended = self._item_index[session.intended_item]
        favorites = self._choice_model.favorite_categories(session.shopper, self._day)
        return click_probability(
            int(catalogue.categories[item]), item == intended, int(catalogue.categories[intended]), favorites
        )

    def _view_events(self, session: LiveSession, item: int, funnel_depth: int, time: int) -> list[EventPayload]:
        """Return the events of a view up to its funnel depth."""
        return [
            self._event_payload(session, item, str(EVENT_NAMES[step]), time + 5 * step) for step in range(funnel_depth)
        ]

    def _event_payload(self, session: LiveSession, item: int, event_type: str, time: int) -> EventPayload:
        catalogue = self._shop.catalogue
        self._n_events += 1
        price = round(float(catalogue.prices[item]) * price_factor(self._shop.params, self._day), 2)
        return {
            "event_id": f"l{self._day:03d}x{self._seed}x{self._n_events:06d}",
            **({"user_id": session.user_id} if session.user_id else {}),
            "session_id": session.session_id,
            "item_id": str(catalogue.item_ids[item]),
            "event_type": event_type,
            "event_time": f"{np.datetime64(time, 's')}Z",
            **({"quantity": 1} if event_type == "purchase" else {}),
            "price": price,
            "title": str(catalogue.titles[item]),
            "category": CATEGORIES[catalogue.categories[item]][0],
        }

    def _advance_clock(self, seconds: int) -> int:
        """Advance the simulated time; return seconds since 1970 of it, or of the given clock."""
        self._time += seconds
        return self._time if self._clock is None else int(self._clock().timestamp())

    def _session_rng(self, session_number: int, part: int) -> np.random.Generator:
        """Return the generator of one session or one reaction, so sessions do not influence each other's draws."""
        return np.random.default_rng(
            [self._shop.params.seed, SESSION_STREAM, self._day, self._seed, session_number, part]
        )


def _choice_model_with_guests(shop: Shop) -> ChoiceModel:
    """Return the shop's choice model with a pool of guests added after its shoppers."""
    preferences = shop.choice_model.preferences.concat(
        draw_preferences(shop.params, GUEST_POOL_SIZE, shop.params.seed, GUEST_STREAM)
    )
    return build_choice_model(
        shop.params,
        shop.catalogue,
        preferences,
        np.concatenate([shop.choice_model.shopper_kind, np.full(GUEST_POOL_SIZE, GUEST)]),
    )
