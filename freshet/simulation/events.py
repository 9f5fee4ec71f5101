"""Turn views into timed events: view, cart, purchase and return, with log-ins and lost carts."""

from dataclasses import dataclass

import numpy as np

from freshet.data.day_numbers import day_number
from freshet.simulation.array_types import Bools, Floats, Ints
from freshet.simulation.browsing import BrowseLog
from freshet.simulation.catalogue import SimulatedCatalogue
from freshet.simulation.params import ShopParams
from freshet.simulation.seasonality import DAY_SECONDS
from freshet.simulation.shoppers import BOT, MEMBER, Sessions

EVENT_NAMES = np.array(["view", "cart", "purchase", "return"])
VIEW, CART, PURCHASE, RETURN = range(4)
MAX_PAUSE_S = 1_500  # seconds within a session: sessions end after half an hour of inactivity
CART_LOSS_STREAM = 8


@dataclass(frozen=True)
class SimulatedEvents:
    """E events in order of time."""

    shopper: Ints  # (E,)
    session: Ints  # (E,) each return has its own session number
    item: Ints  # (E,) position in the catalogue
    event_type: Ints  # (E,) position in EVENT_NAMES
    time: Ints  # (E,) seconds since 1970, UTC
    logged_in: Bools  # (E,) the shopper is logged in

    def __len__(self) -> int:
        return len(self.time)

    def take(self, selection: Bools | Ints) -> "SimulatedEvents":
        """Return the selected events, in the order given."""
        return SimulatedEvents(
            self.shopper[selection],
            self.session[selection],
            self.item[selection],
            self.event_type[selection],
            self.time[selection],
            self.logged_in[selection],
        )


def simulate_events(
    params: ShopParams,
    catalogue: SimulatedCatalogue,
    sessions: Sessions,
    browse_log: BrowseLog,
    rng: np.random.Generator,
) -> SimulatedEvents:
    """Return the events of all views in order of time.

    A view with funnel depth d has d events. No two events of a shopper fall in the same second.
    """
    view_index = np.repeat(np.arange(len(browse_log.slot)), browse_log.funnel_depth)
    event_type = np.arange(len(view_index)) - (np.cumsum(browse_log.funnel_depth) - browse_log.funnel_depth)[view_index]
    session, shopper = browse_log.session[view_index], browse_log.shopper[view_index]
    pause_rng, login_rng, return_rng = rng.spawn(3)  # separate streams: more shoppers must not change the others
    time = _event_times(
        sessions, session, shopper, _draw_pauses(event_type, sessions.shopper_kind[shopper] == BOT, pause_rng)
    )
    first_day = day_number(params.first_day)
    # A session that passes midnight keeps the items of the day on which it began.
    day = np.clip(sessions.start // DAY_SECONDS - first_day, 0, params.days)[session]
    item = catalogue.on_sale[day, browse_log.slot[view_index]]
    events = SimulatedEvents(
        shopper, session, item, event_type, time, _is_logged_in(params, sessions, browse_log, login_rng)[view_index]
    )
    events = _add_returns(params, sessions, events, return_rng)
    events = events.take(np.argsort(events.time, kind="stable"))
    events = events.take(events.time < (first_day + params.days) * DAY_SECONDS)  # the shop closes
    return events.take(~_is_lost_cart(params, events))


def _draw_pauses(event_type: Ints, is_bot: Bools, rng: np.random.Generator) -> Ints:
    """(E,) seconds before each event: median 50 before a view, below 40 before others, 1 to 3 for bots."""
    view_rng, cart_rng, bot_rng = rng.spawn(3)
    view_pause = view_rng.lognormal(np.log(50), 1.3, len(event_type)).clip(4, MAX_PAUSE_S).astype(np.int64)
    pause = np.where(event_type == VIEW, view_pause, cart_rng.integers(5, 40, len(event_type)))
    return np.where(is_bot, bot_rng.integers(1, 4, len(event_type)), pause)


def _event_times(sessions: Sessions, session: Ints, shopper: Ints, pause: Ints) -> Ints:
    """(E,) session start plus the pauses so far; a session starts after the shopper's previous one has ended."""
    first_events = np.flatnonzero(np.diff(session, prepend=-1))
    elapsed = np.cumsum(pause)
    durations = np.diff(np.append(elapsed[first_events], elapsed[-1] + 1)) + 600
    same_shopper = np.diff(shopper[first_events], prepend=-1) == 0
    session_starts = _prevent_overlap(sessions.start, durations, same_shopper)
    return session_starts[session] + elapsed - elapsed[first_events][session]


def _prevent_overlap(starts: Ints, durations: Ints, same_shopper: Bools) -> Ints:
    """Delay session starts until the previous session of the same shopper has ended: a running maximum."""
    owner = np.cumsum(~same_shopper) - 1
    elapsed = np.cumsum(durations) - durations
    shopper_offset = owner * (
        2 * int(starts.max()) + int(durations.sum())
    )  # keeps one shopper's maximum out of the next one's
    return np.asarray(np.maximum.accumulate(starts - elapsed + shopper_offset) + elapsed - shopper_offset)


def _is_logged_in(params: ShopParams, sessions: Sessions, browse_log: BrowseLog, rng: np.random.Generator) -> Bools:
    """(L,) whether the shopper is logged in: members always, except in the first half of some sessions."""
    is_member = sessions.shopper_kind[browse_log.shopper] == MEMBER
    logs_in_late = (rng.random(len(sessions.n_views)) < params.login_share)[browse_log.session]
    first = np.cumsum(sessions.n_views) - sessions.n_views
    is_first_half = (
        np.arange(len(browse_log.session)) - first[browse_log.session] < sessions.n_views[browse_log.session] // 2
    )
    return np.asarray(is_member & ~(logs_in_late & is_first_half))


def _add_returns(
    params: ShopParams, sessions: Sessions, events: SimulatedEvents, rng: np.random.Generator
) -> SimulatedEvents:
    """Add returns of some of the members' purchases, three days to two weeks later."""
    purchases = np.flatnonzero(events.event_type == PURCHASE)
    return_rng, delay_rng = rng.spawn(2)
    draws, delay_s = (
        return_rng.random(len(purchases)),
        delay_rng.integers(3 * DAY_SECONDS, 14 * DAY_SECONDS, len(purchases)),
    )
    is_member = sessions.shopper_kind[events.shopper[purchases]] == MEMBER
    returned_indices = np.flatnonzero(is_member & (draws < params.return_share))
    returned_purchases = events.take(purchases[returned_indices])
    session = len(sessions.n_views) + np.arange(len(returned_indices))
    return_columns = (
        returned_purchases.shopper,
        session,
        returned_purchases.item,
        np.full(len(returned_indices), RETURN),
        returned_purchases.time + delay_s[returned_indices],
        returned_purchases.logged_in | True,
    )
    event_columns = (events.shopper, events.session, events.item, events.event_type, events.time, events.logged_in)
    return SimulatedEvents(*(np.concatenate(columns) for columns in zip(event_columns, return_columns, strict=True)))


def _is_lost_cart(params: ShopParams, events: SimulatedEvents) -> Bools:
    """(E,) cart events that a `tracking` drift drops."""
    p_lost = tracking_loss_rate(params, events.time)
    draw = np.random.default_rng([params.seed, CART_LOSS_STREAM]).random(len(events))
    return np.asarray((events.event_type == CART) & (draw < p_lost))


def tracking_loss_rate(params: ShopParams, time: Ints) -> Floats:
    """Return the share of events that a `tracking` drift drops at these times, in the shape of `time`."""
    loss_by_day = np.array([params.drift_strength("tracking", day) for day in range(params.days + 1)])
    return np.asarray(loss_by_day[np.clip(time // DAY_SECONDS - day_number(params.first_day), 0, params.days)])
