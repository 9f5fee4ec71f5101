"""What every shopper has done up to a day: enough to go on from there."""

from dataclasses import dataclass

import numpy as np

from freshet.simulation.choices import RECENT, Choices, Ints
from freshet.simulation.clock import DAY, day_number
from freshet.simulation.moments import RETURN, VIEW, SimulatedEvents
from freshet.simulation.shop import Shop


@dataclass(frozen=True)
class Memory:
    """Of one shopper."""

    recent: tuple[int, ...] = ()  # places of the last RECENT looks, the latest first
    seen: int = 0  # looks in all
    went: int = 0  # how far they went with the latest: so many events it left
    owned: int = 0  # a bit for each category of which they bought something
    day: int = -1  # number of the day of the latest, -1 = there was none

    def with_look(self, place: int, went: int, owned: int, day: int) -> "Memory":
        """The memory after one more look."""
        return Memory((place, *self.recent)[:RECENT], self.seen + 1, went, owned, day)


def memories(shop: Shop, day: int) -> dict[int, Memory]:
    """Shopper → memory, of all who did something before a day (its number, from 0)."""
    midnight = (day_number(shop.params.first_day) + day) * DAY
    events = shop.events.take((shop.events.time < midnight) & (shop.events.kind != RETURN))
    events = events.take(np.lexsort((events.time, events.shopper)))
    looks = np.flatnonzero(events.kind == VIEW)
    went = np.diff(np.append(looks, len(events)))
    shopper, first, count = np.unique(events.shopper[looks], return_index=True, return_counts=True)
    place = shop.catalogue.places[events.item[looks]]
    days = events.time[looks] // DAY - day_number(shop.params.first_day)
    owned = _owned(shop.rules, place, went, first)
    return {
        int(who): Memory(_latest(place[begin:end]), int(end - begin), int(went[end - 1]), int(bits), int(days[end - 1]))
        for who, begin, end, bits in zip(shopper, first, first + count, owned, strict=True)
    }


def _owned(rules: Choices, place: Ints, went: Ints, first: Ints) -> Ints:
    """For each shopper, whose looks begin at `first`: a bit for each category of which they bought something."""
    bits = rules.bought(np.zeros(len(place), np.int64), place, went)
    return np.bitwise_or.reduceat(bits, first) if len(bits) else bits


def visits_before(events: SimulatedEvents, midnight: int, shoppers: Ints) -> Ints:
    """How often each of `shoppers` came before a moment (seconds since 1970)."""
    earlier = events.time < midnight
    _, index = np.unique(events.visit[earlier], return_index=True)
    return np.bincount(events.shopper[earlier][index], minlength=int(shoppers.max(initial=-1)) + 1)[shoppers]


def _latest(places: Ints) -> tuple[int, ...]:
    return tuple(int(place) for place in places[: -RECENT - 1 : -1])
