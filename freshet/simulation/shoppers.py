"""Who comes: members with an account, guests who come once, bots."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.simulation.clock import visit_starts
from freshet.simulation.params import ShopParams

MEMBER, GUEST, BOT = 0, 1, 2
SPREAD = 1.25  # of the looks of members: the standard deviation of their logarithm
MOST = 60  # times the median is the most anybody looks at
VISIT_SPREAD = 0.9  # as SPREAD, of the looks in a visit
MOST_IN_A_VISIT = 60
BOT_LOOKS = (60, 300)
EACH_LOOK = 1.5  # mean of a visit's looks against their median: exp(VISIT_SPREAD ** 2 / 2)
MORE_GUESTS, MORE_BOTS = 3.0, 9.0  # what traffic adds at full strength, in times of what there was
TRAFFIC_STREAM: Final = 5  # its own random numbers, so that nobody else does anything else


@dataclass(frozen=True)
class Visits:
    """V visits, by shopper and in each shopper's order; and the S shoppers themselves."""

    shopper: NDArray[np.int64]  # (V,)
    start: NDArray[np.int64]  # (V,) seconds since 1970
    looks: NDArray[np.int64]  # (V,) items looked at
    kind: NDArray[np.int64]  # (S,) MEMBER, GUEST or BOT


def visits(params: ShopParams, rng: np.random.Generator) -> Visits:
    """Everybody's visits; members first, then guests and bots, then those whom a drift of traffic adds."""
    wanted = rng.lognormal(np.log(params.looks), SPREAD, params.shoppers).clip(1, MOST * params.looks)
    members = np.maximum(1, np.round(wanted / (params.visit_looks * EACH_LOOK))).astype(np.int64)
    whole = range(params.days)
    total = int(members.sum())
    guests = round(params.guest_share / (1 - params.guest_share) * total)
    bots = round(params.bot_share * total)
    parts = [_visits(params, members, MEMBER, whole, rng)]
    parts += [_visits(params, np.ones(n, np.int64), k, whole, rng) for n, k in ((guests, GUEST), (bots, BOT))]
    return _joined([*parts, *_more_traffic(params, guests, bots)])


def visit_looks(params: ShopParams, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(count,) items looked at in each visit of a person."""
    drawn = np.round(rng.lognormal(np.log(params.visit_looks), VISIT_SPREAD, count))
    return drawn.clip(1, MOST_IN_A_VISIT).astype(np.int64)


def _visits(params: ShopParams, each: NDArray[np.int64], kind: int, days: range, rng: np.random.Generator) -> Visits:
    """each: (S,) how often every one of them comes."""
    shopper = np.repeat(np.arange(len(each)), each)
    looks = rng.integers(*BOT_LOOKS, size=len(shopper)) if kind == BOT else visit_looks(params, len(shopper), rng)
    start = visit_starts(params.first_day, days, shopper, rng)
    return Visits(shopper, start, looks, np.full(len(each), kind))


def _more_traffic(params: ShopParams, guests: int, bots: int) -> list[Visits]:
    parts = []
    for number, drift in enumerate(d for d in params.drifts if d.kind == "traffic" and d.day < params.days):
        rng = np.random.default_rng([params.seed, TRAFFIC_STREAM, number])
        days = range(drift.day, params.days)
        share = drift.strength * len(days) / params.days
        more = ((guests * MORE_GUESTS * share, GUEST), (bots * MORE_BOTS * share, BOT))
        parts += [_visits(params, np.ones(round(n), np.int64), kind, days, rng) for n, kind in more]
    return parts


def _joined(parts: list[Visits]) -> Visits:
    before = np.cumsum([0, *(len(part.kind) for part in parts)])
    return Visits(
        np.concatenate([part.shopper + first for part, first in zip(parts, before, strict=False)]),
        np.concatenate([part.start for part in parts]),
        np.concatenate([part.looks for part in parts]),
        np.concatenate([part.kind for part in parts]),
    )
