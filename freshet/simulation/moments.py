"""Looks become events: a second each, in order; who is logged in; what is sent back days later."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from freshet.simulation.catalogue import Catalogue
from freshet.simulation.clock import DAY, day_number
from freshet.simulation.params import ShopParams
from freshet.simulation.shoppers import BOT, MEMBER, Visits
from freshet.simulation.walk import Looks

Ints = NDArray[np.int64]

EVENT_NAMES = np.array(["view", "cart", "purchase", "return"])
VIEW, CART, PURCHASE, RETURN = range(4)
LONGEST_PAUSE = 1_500  # seconds: half an hour would be another visit
TRACKING_STREAM = 8


@dataclass(frozen=True)
class SimulatedEvents:
    """E events in order of time."""

    shopper: Ints  # (E,)
    visit: Ints  # (E,) each return has a number of its own
    item: Ints  # (E,) position in the catalogue
    kind: Ints  # (E,) position in EVENT_NAMES
    time: Ints  # (E,) seconds since 1970, UTC
    known: NDArray[np.bool_]  # (E,) the shopper is logged in

    def __len__(self) -> int:
        return len(self.time)

    def take(self, chosen: NDArray[np.bool_] | Ints) -> "SimulatedEvents":
        """Some of the events, in the order given."""
        return SimulatedEvents(
            self.shopper[chosen],
            self.visit[chosen],
            self.item[chosen],
            self.kind[chosen],
            self.time[chosen],
            self.known[chosen],
        )


def moments(
    params: ShopParams, goods: Catalogue, visits: Visits, looks: Looks, rng: np.random.Generator
) -> SimulatedEvents:
    """A look leaves one event, one put in the cart two, one bought three; never two of a shopper in one second."""
    number = np.repeat(np.arange(len(looks.place)), looks.went)
    kind = np.arange(len(number)) - (np.cumsum(looks.went) - looks.went)[number]
    visit, shopper = looks.visit[number], looks.shopper[number]
    pausing, login, sending = rng.spawn(3)  # a stream each: who else comes must not change what one does
    time = _times(visits, visit, shopper, _pauses(kind, visits.kind[shopper] == BOT, pausing))
    opened = day_number(params.first_day)
    # A visit keeps to the goods of the day on which it began.
    day = np.clip(visits.start // DAY - opened, 0, params.days)[visit]
    item = goods.on_sale[day, looks.place[number]]
    events = SimulatedEvents(shopper, visit, item, kind, time, _logged_in(params, visits, looks, login)[number])
    events = _with_returns(params, visits, events, sending)
    events = events.take(np.argsort(events.time, kind="stable"))
    events = events.take(events.time < (opened + params.days) * DAY)  # the shop closes
    return events.take(~_never_sent(params, events))


def _pauses(kind: Ints, bot: NDArray[np.bool_], rng: np.random.Generator) -> Ints:
    """(E,) seconds before each event: half are below 50 (as in real clicks), 40 until in the cart; bots do not wait."""
    looks, carts, hurries = rng.spawn(3)
    looking = looks.lognormal(np.log(50), 1.3, len(kind)).clip(4, LONGEST_PAUSE).astype(np.int64)
    pause = np.where(kind == VIEW, looking, carts.integers(5, 40, len(kind)))
    return np.where(bot, hurries.integers(1, 4, len(kind)), pause)


def _times(visits: Visits, visit: Ints, shopper: Ints, pause: Ints) -> Ints:
    """A visit's start and the pauses since; a visit waits until the shopper's visit before it is over."""
    begins = np.flatnonzero(np.diff(visit, prepend=-1))
    passed = np.cumsum(pause)
    lasted = np.diff(np.append(passed[begins], passed[-1] + 1)) + 600
    same = np.diff(shopper[begins], prepend=-1) == 0
    waited = _no_overlap(visits.start, lasted, same)
    return waited[visit] + passed - passed[begins][visit]


def _no_overlap(starts: Ints, lasted: Ints, same: NDArray[np.bool_]) -> Ints:
    """Each visit's start, at the earliest when the one before of the same shopper is over: a running maximum."""
    owner = np.cumsum(~same) - 1
    before = np.cumsum(lasted) - lasted
    far = owner * (2 * int(starts.max()) + int(lasted.sum()))  # keeps one shopper's maximum out of the next one's
    return np.asarray(np.maximum.accumulate(starts - before + far) + before - far)


def _logged_in(params: ShopParams, visits: Visits, looks: Looks, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(L,) members are, but in some visits only from half-way on."""
    member = visits.kind[looks.shopper] == MEMBER
    late = (rng.random(len(visits.looks)) < params.login_share)[looks.visit]
    first = np.cumsum(visits.looks) - visits.looks
    half = np.arange(len(looks.visit)) - first[looks.visit] < visits.looks[looks.visit] // 2
    return np.asarray(member & ~(late & half))


def _with_returns(
    params: ShopParams, visits: Visits, events: SimulatedEvents, rng: np.random.Generator
) -> SimulatedEvents:
    """Some of what members bought comes back three days to two weeks later."""
    bought = np.flatnonzero(events.kind == PURCHASE)
    deciding, waiting = rng.spawn(2)
    draws, wait = deciding.random(len(bought)), waiting.integers(3 * DAY, 14 * DAY, len(bought))
    member = visits.kind[events.shopper[bought]] == MEMBER
    chosen = np.flatnonzero(member & (draws < params.return_share))
    back = events.take(bought[chosen])
    number = len(visits.looks) + np.arange(len(chosen))
    sent = (back.shopper, number, back.item, np.full(len(chosen), RETURN), back.time + wait[chosen], back.known | True)
    old = (events.shopper, events.visit, events.item, events.kind, events.time, events.known)
    return SimulatedEvents(*(np.concatenate(pair) for pair in zip(old, sent, strict=True)))


def _never_sent(params: ShopParams, events: SimulatedEvents) -> NDArray[np.bool_]:
    """(E,) carts that a fault in the shop's tracking loses."""
    lost = fault_share(params, events.time)
    draw = np.random.default_rng([params.seed, TRACKING_STREAM]).random(len(events))
    return np.asarray((events.kind == CART) & (draw < lost))


def fault_share(params: ShopParams, time: Ints) -> NDArray[np.float64]:
    """How much of what happens at these moments a fault in the tracking loses; the shape of `time`."""
    by_day = np.array([params.strength("tracking", day) for day in range(params.days + 1)])
    return np.asarray(by_day[np.clip(time // DAY - day_number(params.first_day), 0, params.days)])
