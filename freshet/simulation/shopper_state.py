"""The state of every shopper at the start of a day, from which the live shop continues."""

from dataclasses import dataclass

import numpy as np

from freshet.data.day_numbers import day_number
from freshet.simulation.array_types import Ints
from freshet.simulation.choice_model import MAX_RECENT_SLOTS, ChoiceModel
from freshet.simulation.events import RETURN, VIEW, SimulatedEvents
from freshet.simulation.seasonality import DAY_SECONDS
from freshet.simulation.shop import Shop


@dataclass(frozen=True)
class ShopperState:
    """State of one shopper."""

    recent_slots: tuple[int, ...] = ()  # slots of the last MAX_RECENT_SLOTS views, the latest first
    n_views: int = 0
    funnel_depth: int = 0  # of the latest view: its number of events
    owned_categories: int = 0  # bit c is set if they bought something of category c
    last_day: int = -1  # number of the day of the latest view, -1 = none

    def with_view(self, slot: int, funnel_depth: int, owned_categories: int, day: int) -> "ShopperState":
        """Return the state after one more view."""
        return ShopperState(
            (slot, *self.recent_slots)[:MAX_RECENT_SLOTS], self.n_views + 1, funnel_depth, owned_categories, day
        )


def shopper_states(shop: Shop, day: int) -> dict[int, ShopperState]:
    """Return the state of every shopper with an event before a day. day: its number, from 0."""
    midnight = (day_number(shop.params.first_day) + day) * DAY_SECONDS
    events = shop.events.take((shop.events.time < midnight) & (shop.events.event_type != RETURN))
    events = events.take(np.lexsort((events.time, events.shopper)))
    views = np.flatnonzero(events.event_type == VIEW)
    funnel_depth = np.diff(np.append(views, len(events)))
    shopper, first, count = np.unique(events.shopper[views], return_index=True, return_counts=True)
    slot = shop.catalogue.slots[events.item[views]]
    days = events.time[views] // DAY_SECONDS - day_number(shop.params.first_day)
    owned_categories = _owned_categories(shop.choice_model, slot, funnel_depth, first)
    return {
        int(shopper_id): ShopperState(
            _latest_slots(slot[start:end]), int(end - start), int(funnel_depth[end - 1]), int(bits), int(days[end - 1])
        )
        for shopper_id, start, end, bits in zip(shopper, first, first + count, owned_categories, strict=True)
    }


def _owned_categories(choice_model: ChoiceModel, slot: Ints, funnel_depth: Ints, first: Ints) -> Ints:
    """Return the owned categories (S,) as bits. first: (S,) position of each shopper's first view."""
    bits = choice_model.update_owned_categories(np.zeros(len(slot), np.int64), slot, funnel_depth)
    return np.bitwise_or.reduceat(bits, first) if len(bits) else bits


def count_sessions_before(events: SimulatedEvents, time: int, shoppers: Ints) -> Ints:
    """Return the number of sessions of each of `shoppers` before a time in seconds since 1970."""
    is_earlier = events.time < time
    _, index = np.unique(events.session[is_earlier], return_index=True)
    return np.bincount(events.shopper[is_earlier][index], minlength=int(shoppers.max(initial=-1)) + 1)[shoppers]


def _latest_slots(slots: Ints) -> tuple[int, ...]:
    return tuple(int(slot) for slot in slots[: -MAX_RECENT_SLOTS - 1 : -1])
