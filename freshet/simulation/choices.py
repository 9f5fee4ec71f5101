"""How a shopper chooses the next item: what follows, one of the last few, what a list shows, or something fresh."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.simulation import cycles
from freshet.simulation.catalogue import Catalogue
from freshet.simulation.clock import season
from freshet.simulation.exposure import clicked_in, old_lists
from freshet.simulation.goods import BRANDS, CATEGORIES, CONSUMABLES
from freshet.simulation.params import ShopParams
from freshet.simulation.paths import BUDGETS, CHEAPER, next_row
from freshet.simulation.projects import Projects, projects
from freshet.simulation.shelves import Shelves, niche, niches, pages
from freshet.simulation.shoppers import BOT
from freshet.simulation.stock import sold_out
from freshet.simulation.tastes import LIKED, Tastes

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LOOKED, CARTED, BOUGHT = 1, 2, 3  # how far a shopper went with an item: so many events it leaves
RECENT: Final = 8  # items a shopper remembers
DRAWS: Final = 8  # random numbers a look takes
BACK = 0.6  # of the ways back lead this many items further than one
NEW_VISIT_FOLLOW = 0.5  # a new visit follows less often
LOYAL, THRIFTY = 0.9, 0.9  # how often the favourite brand is chosen, and the usual price band
PROJECTS_STREAM, LISTS_STREAM, STAPLES_STREAM = 16, 17, 18


@dataclass(frozen=True)
class Situation:
    """Where B shoppers are just before their next look."""

    shopper: Ints  # (B,)
    day: Ints  # (B,) number of the day
    begins: Bools  # (B,) a visit begins
    due: Bools  # (B,) they come for their consumable
    seen: Ints  # (B,) items they have looked at so far
    recent: Ints  # (B, RECENT) places of the last ones, the latest first; meaningless beyond `seen`
    went: Ints  # (B,) how far they went with the latest
    owned: Ints  # (B,) a bit for each category of which they bought something


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
    projects: Projects
    pages: Shelves  # by category
    niches: Shelves  # by category, brand and price band
    lists: Ints  # (P, LISTED) what the shop shows beside each item
    sold_out: Bools  # (days + 1, P)
    staples: Ints  # (S,) place of the consumable each buys again and again; -1 where the shop has none

    def next_places(self, now: Situation, draws: Floats) -> Ints:
        """(B,) where each looks next. draws: (B, DRAWS) uniform in [0, 1)."""
        known = now.seen > 0
        follow = np.where(now.begins, NEW_VISIT_FOLLOW, 1.0) * self.params.follow * known
        again = follow + self.params.again * (now.seen > 1)
        shown = again + self.params.shown * known
        last = np.where(known, now.recent[:, 0], 0)
        place = self._fresh(now, draws)
        place = np.where(draws[:, 0] < shown, clicked_in(self.lists, last, draws[:, 1]), place)
        place = np.where(draws[:, 0] < again, self._again(now, draws[:, 1]), place)
        place = np.where(draws[:, 0] < follow, self.follows(now, draws), place)
        place = np.where(now.due, self.staples[now.shopper], place)
        place = np.where(self.sold_out[now.day, place], self.goods.paths.usual[CHEAPER, place], place)
        bots = self.kind[now.shopper] == BOT
        return np.where(bots, (draws[:, 1] * self.params.items).astype(np.int64), place)

    def follows(self, now: Situation, draws: Floats) -> Ints:
        """(B,) another item of the category, until they have compared enough or put one in the cart.

        Then what their project needs next, of their brand and price.
        """
        last = np.where(now.seen > 0, now.recent[:, 0], 0)
        run = self._run(now)
        done = (now.went > LOOKED) | (run >= self.tastes.patience[now.shopper])
        return np.where(done, self._needed(now, last, draws), self._compared(now, last, run > 1))

    def in_niche(self, shopper: Ints, category: Ints, draws: Floats) -> Ints:
        """(B,) an item of a category: mostly of their brand and price."""
        own_brand, own_budget = draws[:, 3] < LOYAL, draws[:, 4] < THRIFTY
        any_brand = ((draws[:, 3] - LOYAL) / (1 - LOYAL) * len(BRANDS)).astype(np.int64)
        any_budget = ((draws[:, 4] - THRIFTY) / (1 - THRIFTY) * BUDGETS).astype(np.int64)
        brand = np.where(own_brand, self.tastes.brand[shopper], any_brand)
        budget = np.where(own_budget, self.tastes.budget[shopper], any_budget)
        return self.niches.pick(niche(category, brand, budget), draws[:, 5])

    def likes(self, shopper: int, day: int) -> tuple[int, ...]:
        """The categories that one shopper comes for on a day."""
        return tuple(int(each) for each in self._liked(np.array([shopper]), np.array([day]))[0])

    def outcomes(self, shopper: Ints, due: Bools, draws: Floats) -> Ints:
        """(B,) LOOKED, CARTED or BOUGHT. Bots only look. due: (B,) looks for which they came: they buy more often."""
        person = self.kind[shopper] != BOT
        carted = (draws[:, 6] < np.where(due, cycles.BUYS, self.params.cart_share)) & person
        return np.where(carted, np.where((draws[:, 7] < self.params.buy_share) | due, BOUGHT, CARTED), LOOKED)

    def bought(self, owned: Ints, place: Ints, went: Ints) -> Ints:
        """(B,) `owned` after a look at `place`; consumables are never owned for good."""
        category = self.goods.categories[place]
        lasting = (went == BOUGHT) & ~_consumable(self.params.categories)[category]
        return np.where(lasting, owned | 1 << category, owned)

    def _run(self, now: Situation) -> Ints:
        """(B,) looks in a row at items of the latest one's category, up to RECENT."""
        category = self.goods.categories[now.recent]
        same = (category == category[:, :1]) & (np.arange(RECENT) < now.seen[:, None])
        return np.asarray(np.logical_and.accumulate(same, axis=1).sum(axis=1))

    def _compared(self, now: Situation, last: Ints, comparing: Bools) -> Ints:
        paths, prices = self.goods.paths, self.goods.prices
        row = next_row(paths, prices, last, now.recent[:, 1], self.tastes.budget[now.shopper], comparing)
        drifted = paths.steadiness[last] < self.habit[now.day]
        return np.where(drifted, paths.changed[row, last], paths.usual[row, last])

    def _needed(self, now: Situation, last: Ints, draws: Floats) -> Ints:
        project, category = self.tastes.project[now.shopper], self.goods.categories[last]
        drifted = self.tastes.steadiness[now.shopper] < self.habit[now.day]
        needed = self.projects.needed(project, category, now.owned, drifted)
        return self.in_niche(now.shopper, needed, draws)

    def _again(self, now: Situation, draw: Floats) -> Ints:
        """One of the last few but the latest; the nearer the more often."""
        most = np.minimum(now.seen, RECENT) - 1
        ago = 1 + np.floor(np.log1p(-draw) / np.log(BACK)).astype(np.int64) % np.maximum(most, 1)
        return np.asarray(now.recent[np.arange(len(ago)), ago])

    def _fresh(self, now: Situation, draws: Floats) -> Ints:
        """From the page of a category they like, nearer to its top the more often."""
        liked = self._liked(now.shopper, now.day)
        weight = np.cumsum(np.array(LIKED) * self.seasons[now.day[:, None], liked], axis=1)
        which = (draws[:, 2, None] * weight[:, -1:] >= weight).sum(axis=1)
        return self.pages.pick(liked[np.arange(len(liked)), which], draws[:, 5])

    def _liked(self, shopper: Ints, day: Ints) -> Ints:
        """(B, 3)"""
        drifted = (self.tastes.steadiness[shopper] < self.taste[day]).astype(np.int64)
        return np.asarray(self.tastes.likes[drifted, shopper])


def choices(params: ShopParams, goods: Catalogue, tastes: Tastes, kind: Ints) -> Choices:
    """The rules for every day of the shop, and for the day after its last."""
    days = range(params.days + 1)
    early = [params.strength("season", day) for day in days]
    category, weights = goods.categories[: params.items], goods.weights[: params.items]
    page = pages(category, weights)
    niche_shelves = niches(category, goods.brands[: params.items], goods.paths.bands, weights)
    return Choices(
        params=params,
        goods=goods,
        tastes=tastes,
        kind=kind,
        habit=np.array([params.strength("habit", day) for day in days]),
        taste=np.array([params.strength("taste", day) for day in days]),
        seasons=np.stack([season(params.first_day, d, e, params.categories) for d, e in zip(days, early, strict=True)]),
        projects=projects(params.categories, np.random.default_rng([params.seed, PROJECTS_STREAM])),
        pages=page,
        niches=niche_shelves,
        lists=old_lists(category, page, np.random.default_rng([params.seed, LISTS_STREAM])),
        sold_out=sold_out(params.seed, len(days), params.items),
        staples=_staples(params, niche_shelves, tastes),
    )


def _staples(params: ShopParams, shelves: Shelves, tastes: Tastes) -> Ints:
    """(S,) one item of each shopper's brand and price, of a category that is used up."""
    categories = np.flatnonzero(_consumable(params.categories))
    if not len(categories):
        return np.full(len(tastes.brand), -1)
    which = categories[(tastes.phase + tastes.period) % len(categories)]
    draw = np.random.default_rng([params.seed, STAPLES_STREAM]).random(len(tastes.brand))
    return shelves.pick(niche(which, tastes.brand, tastes.budget), draw)


def _consumable(categories: int) -> Bools:
    """(C,)"""
    return np.array([name in CONSUMABLES for name, *_ in CATEGORIES[:categories]])
