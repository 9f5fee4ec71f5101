"""Simulated shoppers who come, click, and answer the list they are shown: a better list is clicked more often."""

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
from freshet.simulation.repurchase import is_replenishment_due
from freshet.simulation.seasonality import DAY_SECONDS
from freshet.simulation.shop import Shop
from freshet.simulation.shopper_state import ShopperState, count_sessions_before, shopper_states
from freshet.simulation.shoppers import GUEST, MEMBER

SESSION_STREAM, GUEST_STREAM = 3, 30  # random numbers of their own
GUEST_POOL_SIZE: Final = 4_096  # kinds of strangers; each comes as if for the first time
MAX_INITIAL_CLICKS: Final = 3  # at most, before the list is seen
CLICK_INTERVAL_S: Final = 20  # between two clicks
OPENING_TIME_S: Final = 9 * 3_600  # seconds after midnight
P_BUY_AFTER_CLICK: Final = 0.25  # of what is clicked in a list

EventPayload = dict[str, object]


@dataclass(frozen=True)
class LiveSession:
    """Somebody is in the shop."""

    user_id: str | None  # None: a guest
    session_id: str
    events: tuple[EventPayload, ...]  # what they clicked so far, oldest first, ready to be posted to the gateway
    number: int  # from 1
    shopper: int  # number in the shop; the live shop's guests come after everybody
    intended_item: str  # the item they would go to next by themselves
    last_click_time: int  # seconds since 1970 of the last click


@dataclass(frozen=True)
class ListReaction:
    """What they did with the list."""

    kind: Literal["left", "clicked", "bought"]
    position: int | None  # from 1; None if they left
    events: tuple[EventPayload, ...]  # theirs since, ready to be posted; none if they left


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
        self._choice_model = _choice_model_with_guests(shop)
        self._shopper_states = shopper_states(shop, day)
        midnight = (day_number(shop.params.first_day) + day) * DAY_SECONDS
        self._members = np.flatnonzero(shop.choice_model.shopper_kind == MEMBER)
        cumulative_sessions = np.cumsum(count_sessions_before(shop.events, midnight, self._members) + 1)
        self._member_cdf = cumulative_sessions / cumulative_sessions[-1]
        self._item_index = {str(item): position for position, item in enumerate(shop.catalogue.item_ids)}
        self._time, self._n_sessions, self._n_events = midnight + OPENING_TIME_S, 0, 0

    def start_session(self) -> LiveSession:
        """Somebody comes and looks at one to three items."""
        self._n_sessions += 1
        rng = self._session_rng(self._n_sessions, 0)
        shopper = self._draw_shopper(rng)
        clicks = int(rng.integers(1, MAX_INITIAL_CLICKS + 1))
        last_click_time = self._advance_clock(30 + clicks * CLICK_INTERVAL_S)
        user_id = f"u{shopper:05d}" if self._choice_model.shopper_kind[shopper] == MEMBER else None
        session = LiveSession(
            user_id,
            f"s{self._day:03d}x{self._seed}x{self._n_sessions:06d}",
            (),
            self._n_sessions,
            shopper,
            "",
            last_click_time,
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
        """They look at the list from the top, until they click or have had enough. shown: item ids, best first."""
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
        """A member, the more often the more often they came before; or a guest, of whom nothing is known."""
        if rng.random() < self._shop.params.guest_share:
            guest = len(self._shop.choice_model.shopper_kind) + int(rng.integers(GUEST_POOL_SIZE))
            self._shopper_states.pop(guest, None)
            return guest
        return int(self._members[np.searchsorted(self._member_cdf, rng.random(), side="right")])

    def _choose_next_item(self, shopper: int, session_starts: bool, rng: np.random.Generator) -> int:
        """The item they go to next, by the rules of the day."""
        state = self._shopper_states.get(shopper, ShopperState())
        recent_slots = np.zeros((1, MAX_RECENT_SLOTS), np.int64)
        recent_slots[0, : len(state.recent_slots)] = state.recent_slots
        values = (
            shopper,
            self._day,
            session_starts,
            session_starts and self._is_replenishment_due(shopper, state),
            state.n_views,
        )
        shoppers, day, starts, replenishment, n_views = (np.array([value]) for value in values)
        context = ChoiceContext(
            shoppers,
            day,
            starts,
            replenishment,
            n_views,
            recent_slots,
            np.array([state.funnel_depth]),
            np.array([state.owned_categories]),
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
        """Whether they come for their consumable."""
        preferences, shoppers = self._choice_model.preferences, np.array([shopper])
        is_due = is_replenishment_due(
            preferences.replenishment_days[shoppers],
            preferences.replenishment_phase[shoppers],
            np.array([state.last_day]),
            np.array([self._day]),
        )
        return bool(is_due[0] and self._choice_model.staples[shopper] >= 0)

    def _click_probability(self, session: LiveSession, item_id: str) -> float:
        """0 for what is not on sale, or sold out."""
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
        """A look at an item and how far it went, as events for the gateway."""
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
        """Seconds since 1970; in simulated time, the clock goes on by `later`."""
        self._time += seconds
        return self._time if self._clock is None else int(self._clock().timestamp())

    def _session_rng(self, session_number: int, part: int) -> np.random.Generator:
        """Random numbers of one visit or answer: what one shopper does changes no other's."""
        return np.random.default_rng(
            [self._shop.params.seed, SESSION_STREAM, self._day, self._seed, session_number, part]
        )


def _choice_model_with_guests(shop: Shop) -> ChoiceModel:
    """The shop's rules with strangers behind everybody whom it knows."""
    preferences = shop.choice_model.preferences.concat(
        draw_preferences(shop.params, GUEST_POOL_SIZE, shop.params.seed, GUEST_STREAM)
    )
    return build_choice_model(
        shop.params,
        shop.catalogue,
        preferences,
        np.concatenate([shop.choice_model.shopper_kind, np.full(GUEST_POOL_SIZE, GUEST)]),
    )
