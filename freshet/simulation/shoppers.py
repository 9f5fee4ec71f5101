"""Sessions of members (with an account), guests (one session each) and bots."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from freshet.simulation.array_types import Ints
from freshet.simulation.params import ShopParams
from freshet.simulation.seasonality import draw_session_starts

MEMBER, GUEST, BOT = 0, 1, 2
VIEWS_LOG_STD = 1.25  # standard deviation of log(views of a member)
MAX_VIEWS_RATIO = 60  # maximum views of a member, in times of the median
SESSION_VIEWS_LOG_STD = 0.9  # standard deviation of log(views of a session)
MAX_SESSION_VIEWS = 60
BOT_SESSION_VIEWS = (60, 300)
MEAN_TO_MEDIAN_VIEWS = 1.5  # of the views of a session: exp(SESSION_VIEWS_LOG_STD ** 2 / 2)
MAX_GUEST_INCREASE, MAX_BOT_INCREASE = 3.0, 9.0  # added sessions under a `traffic` drift of strength 1, relative
TRAFFIC_STREAM: Final = 5  # its own stream of random numbers: the other shoppers stay as they were


@dataclass(frozen=True)
class Sessions:
    """V sessions, by shopper and in each shopper's order, and the kinds of the S shoppers."""

    shopper: Ints  # (V,)
    start: Ints  # (V,) seconds since 1970
    n_views: Ints  # (V,)
    shopper_kind: Ints  # (S,) MEMBER, GUEST or BOT


def generate_sessions(params: ShopParams, rng: np.random.Generator) -> Sessions:
    """Draw all sessions: members first, then guests and bots, then those that a `traffic` drift adds."""
    total_views = rng.lognormal(np.log(params.views_per_shopper), VIEWS_LOG_STD, params.shoppers).clip(
        1, MAX_VIEWS_RATIO * params.views_per_shopper
    )
    sessions_per_member = np.maximum(
        1, np.round(total_views / (params.views_per_session * MEAN_TO_MEDIAN_VIEWS))
    ).astype(np.int64)
    all_days = range(params.days)
    n_member_sessions = int(sessions_per_member.sum())
    n_guests = round(params.guest_share / (1 - params.guest_share) * n_member_sessions)
    n_bots = round(params.bot_share * n_member_sessions)
    parts = [_draw_sessions(params, sessions_per_member, MEMBER, all_days, rng)]
    parts += [
        _draw_sessions(params, np.ones(n, np.int64), k, all_days, rng) for n, k in ((n_guests, GUEST), (n_bots, BOT))
    ]
    return _concat_sessions([*parts, *_traffic_drift_sessions(params, n_guests, n_bots)])


def draw_session_views(params: ShopParams, n_sessions: int, rng: np.random.Generator) -> Ints:
    """Draw the number of views (n_sessions,) of human sessions."""
    n_views = np.round(rng.lognormal(np.log(params.views_per_session), SESSION_VIEWS_LOG_STD, n_sessions))
    return n_views.clip(1, MAX_SESSION_VIEWS).astype(np.int64)


def _draw_sessions(
    params: ShopParams, sessions_per_shopper: Ints, kind: int, days: range, rng: np.random.Generator
) -> Sessions:
    """Draw the sessions of one kind of shopper. sessions_per_shopper: (S,)."""
    shopper = np.repeat(np.arange(len(sessions_per_shopper)), sessions_per_shopper)
    n_views = (
        rng.integers(*BOT_SESSION_VIEWS, size=len(shopper))
        if kind == BOT
        else draw_session_views(params, len(shopper), rng)
    )
    start = draw_session_starts(params.first_day, days, shopper, rng)
    return Sessions(shopper, start, n_views, np.full(len(sessions_per_shopper), kind))


def _traffic_drift_sessions(params: ShopParams, n_guests: int, n_bots: int) -> list[Sessions]:
    parts = []
    for number, drift in enumerate(d for d in params.drifts if d.kind == "traffic" and d.day < params.days):
        rng = np.random.default_rng([params.seed, TRAFFIC_STREAM, number])
        days = range(drift.day, params.days)
        share = drift.strength * len(days) / params.days
        groups = ((n_guests * MAX_GUEST_INCREASE * share, GUEST), (n_bots * MAX_BOT_INCREASE * share, BOT))
        parts += [_draw_sessions(params, np.ones(round(n), np.int64), kind, days, rng) for n, kind in groups]
    return parts


def _concat_sessions(parts: list[Sessions]) -> Sessions:
    offsets = np.cumsum([0, *(len(part.shopper_kind) for part in parts)])
    return Sessions(
        np.concatenate([part.shopper + offset for part, offset in zip(parts, offsets, strict=False)]),
        np.concatenate([part.start for part in parts]),
        np.concatenate([part.n_views for part in parts]),
        np.concatenate([part.shopper_kind for part in parts]),
    )
