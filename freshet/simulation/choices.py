"""How a shopper chooses the next item: on from the last one, back to one of the last few, or something fresh."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.simulation.catalogue import Catalogue
from freshet.simulation.clock import season
from freshet.simulation.params import ShopParams
from freshet.simulation.paths import ACCESSORY
from freshet.simulation.shoppers import BOT, LIKED, Tastes

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LOOKED, CARTED, BOUGHT = 1, 2, 3  # how far a shopper went with an item: so many events it leaves
RECENT: Final = 8  # items a shopper remembers
DRAWS: Final = 6  # random numbers a look takes
BACK = 0.6  # of the ways back lead this many items further than one
NEW_VISIT_FOLLOW, NEW_VISIT_AGAIN = 0.5, 2.0  # a new visit follows less often, and goes back more often


@dataclass(frozen=True)
class Situation:
    """Where B shoppers are just before their next look."""

    shopper: Ints  # (B,)
    day: Ints  # (B,) number of the day
    begins: NDArray[np.bool_]  # (B,) a visit begins
    seen: Ints  # (B,) items they have looked at so far
    recent: Ints  # (B, RECENT) places of the last ones, the latest first; meaningless beyond `seen`
    went: Ints  # (B,) how far they went with the latest


@dataclass(frozen=True)
class Choices:
    """The rules of a shop on each of its days. Build it with `choices`."""

    params: ShopParams
    goods: Catalogue
    tastes: Tastes
    kind: Ints  # (S,) MEMBER, GUEST or BOT
    habit: Floats  # (days + 1,) how far habits have drifted
    taste: Floats  # (days + 1,) how far taste has
    seasons: Floats  # (days + 1, categories)
    shelf: Ints  # (P,) places by category
    edges: Floats  # (P + 1,) running sum of the weights along the shelf
    bounds: Ints  # (categories + 1,) where each category begins on the shelf

    def next_places(self, now: Situation, draws: Floats) -> Ints:
        """(B,) where each looks next. draws: (B, DRAWS) uniform in [0, 1)."""
        known = now.seen > 0
        chance = np.where(now.begins, NEW_VISIT_FOLLOW, 1.0) * self.params.follow * known
        back = np.where(now.begins, NEW_VISIT_AGAIN, 1.0) * self.params.again * (now.seen > 1)
        place = self._fresh(now, draws)
        again = (draws[:, 0] >= chance) & (draws[:, 0] < chance + back)
        place = np.where(again, self._again(now, draws[:, 1]), place)
        place = np.where(draws[:, 0] < chance, self.follows(now), place)
        bots = self.kind[now.shopper] == BOT
        return np.where(bots, (draws[:, 1] * len(self.shelf)).astype(np.int64), place)

    def follows(self, now: Situation) -> Ints:
        """(B,) what follows from the latest item: the accessory if that was carted or bought, else by their style."""
        last = np.where(now.seen > 0, now.recent[:, 0], 0)
        row = np.where(now.went > LOOKED, ACCESSORY, self.tastes.style[now.shopper])
        paths = self.goods.paths
        drifted = paths.steadiness[last] < self.habit[now.day]
        return np.where(drifted, paths.changed[row, last], paths.usual[row, last])

    def likes(self, shopper: int, day: int) -> tuple[int, ...]:
        """The categories that one shopper comes for on a day."""
        return tuple(int(each) for each in self._liked(np.array([shopper]), np.array([day]))[0])

    def outcomes(self, shopper: Ints, draws: Floats) -> Ints:
        """(B,) LOOKED, CARTED or BOUGHT. Bots only look."""
        person = self.kind[shopper] != BOT
        carted = (draws[:, 4] < self.params.cart_share) & person
        return np.where(carted, np.where(draws[:, 5] < self.params.buy_share, BOUGHT, CARTED), LOOKED)

    def _again(self, now: Situation, draw: Floats) -> Ints:
        """One of the last few but the latest; the nearer the more often."""
        most = np.minimum(now.seen, RECENT) - 1
        ago = 1 + np.floor(np.log1p(-draw) / np.log(BACK)).astype(np.int64) % np.maximum(most, 1)
        return np.asarray(now.recent[np.arange(len(ago)), ago])

    def _fresh(self, now: Situation, draws: Floats) -> Ints:
        """An item of a category they like, by its weight: the inverse of the category's running sum."""
        liked = self._liked(now.shopper, now.day)
        weight = np.cumsum(np.array(LIKED) * self.seasons[now.day[:, None], liked], axis=1)
        which = (draws[:, 2, None] * weight[:, -1:] >= weight).sum(axis=1)
        category = liked[np.arange(len(liked)), which]
        low, high = self.edges[self.bounds[category]], self.edges[self.bounds[category + 1]]
        at = np.searchsorted(self.edges, low + draws[:, 3] * (high - low), side="right") - 1
        return np.asarray(self.shelf[np.clip(at, self.bounds[category], self.bounds[category + 1] - 1)])

    def _liked(self, shopper: Ints, day: Ints) -> Ints:
        """(B, 3)"""
        drifted = (self.tastes.steadiness[shopper] < self.taste[day]).astype(np.int64)
        return np.asarray(self.tastes.likes[drifted, shopper])


def choices(params: ShopParams, goods: Catalogue, tastes: Tastes, kind: Ints) -> Choices:
    """The rules for every day of the shop, and for the day after its last."""
    days = range(params.days + 1)
    early = [params.strength("season", day) for day in days]
    category = goods.categories[: params.items]
    shelf = np.argsort(category, kind="stable")
    return Choices(
        params=params,
        goods=goods,
        tastes=tastes,
        kind=kind,
        habit=np.array([params.strength("habit", day) for day in days]),
        taste=np.array([params.strength("taste", day) for day in days]),
        seasons=np.stack([season(params.first_day, d, e, params.categories) for d, e in zip(days, early, strict=True)]),
        shelf=shelf,
        edges=np.concatenate([[0.0], np.cumsum(goods.weights[: params.items][shelf])]),
        bounds=np.searchsorted(category[shelf], np.arange(params.categories + 1)),
    )
