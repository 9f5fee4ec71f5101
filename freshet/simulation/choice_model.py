"""The choice model: a shopper's next view follows a link, revisits an item, clicks a related list or explores."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from freshet.simulation.array_types import Bools, Floats, Ints
from freshet.simulation.catalogue import SimulatedCatalogue
from freshet.simulation.exposure import build_related_lists, clicked_slots
from freshet.simulation.item_choice import SlotGroups, group_by_category, group_by_niche, niche_index
from freshet.simulation.item_graph import CHEAPER, N_PRICE_BANDS, choose_link_type
from freshet.simulation.params import ShopParams
from freshet.simulation.preferences import FAVORITE_WEIGHTS, Preferences, is_replenishment_due
from freshet.simulation.product_titles import BRANDS, CATEGORIES, CONSUMABLES
from freshet.simulation.projects import Projects, generate_projects
from freshet.simulation.seasonality import season_factors
from freshet.simulation.shoppers import BOT
from freshet.simulation.stock import draw_sold_out

VIEWED, CARTED, PURCHASED = 1, 2, 3  # funnel depth of a view = number of its events
MAX_RECENT_SLOTS: Final = 8  # slots that a shopper's state keeps
DRAWS_PER_VIEW: Final = 8  # random numbers per view
REVISIT_DECAY = 0.6  # probability that a revisit goes back one item further
SESSION_START_FOLLOW_FACTOR = 0.5  # the first view of a session follows a link this much less often
P_PREFERRED_BRAND, P_PREFERRED_PRICE_BAND = 0.9, 0.9  # shares of choices of the favourite brand and price band
P_BUY_REPLENISHMENT: Final = 0.5  # probability that a due consumable is bought; otherwise it is only viewed
PROJECTS_STREAM, RELATED_LISTS_STREAM, STAPLES_STREAM = 16, 17, 18


@dataclass(frozen=True)
class ChoiceContext:
    """The state of B shoppers before their next view."""

    shopper: Ints  # (B,)
    day: Ints  # (B,) number of the day
    session_starts: Bools  # (B,) the next view is the first of a session
    replenishment_due: Bools  # (B,) the session is for buying their consumable again
    n_views: Ints  # (B,) views so far
    recent_slots: Ints  # (B, MAX_RECENT_SLOTS) the latest first; undefined from n_views on
    funnel_depth: Ints  # (B,) of the latest view
    owned_categories: Ints  # (B,) bit c is set if they bought something of category c


@dataclass(frozen=True)
class ChoiceModel:
    """The choice rules of a shop on each of its days. Build it with `build_choice_model`."""

    params: ShopParams
    catalogue: SimulatedCatalogue
    preferences: Preferences
    shopper_kind: Ints  # (S,) MEMBER, GUEST or BOT
    habit_drift: Floats  # (days + 1,) strength of the habit drift
    taste_drift: Floats  # (days + 1,) strength of the taste drift
    season_factors: Floats  # (days + 1, categories)
    projects: Projects
    category_pages: SlotGroups  # by category
    niches: SlotGroups  # by category, brand and price band
    related_lists: Ints  # (P, RELATED_LIST_SIZE) slots in the related list of each item
    sold_out: Bools  # (days + 1, P)
    staples: Ints  # (S,) slot of the consumable that each shopper buys again; -1: the shop has none

    def choose_next_slots(self, context: ChoiceContext, draws: Floats) -> Ints:
        """Return the slots (B,) that the shoppers view next. draws: (B, DRAWS_PER_VIEW) uniform in [0, 1)."""
        has_history = context.n_views > 0
        follow_threshold = (
            np.where(context.session_starts, SESSION_START_FOLLOW_FACTOR, 1.0) * self.params.p_follow_link * has_history
        )
        revisit_threshold = follow_threshold + self.params.p_revisit * (context.n_views > 1)
        related_threshold = revisit_threshold + self.params.p_related_click * has_history
        last_slot = np.where(has_history, context.recent_slots[:, 0], 0)
        slots = self._explore_slots(context, draws)
        slots = np.where(
            draws[:, 0] < related_threshold, clicked_slots(self.related_lists, last_slot, draws[:, 1]), slots
        )
        slots = np.where(draws[:, 0] < revisit_threshold, self._revisit_slots(context, draws[:, 1]), slots)
        slots = np.where(draws[:, 0] < follow_threshold, self.follow_link(context, draws), slots)
        slots = np.where(context.replenishment_due, self.staples[context.shopper], slots)
        slots = np.where(self.sold_out[context.day, slots], self.catalogue.item_graph.base_links[CHEAPER, slots], slots)
        is_bot = self.shopper_kind[context.shopper] == BOT
        return np.where(is_bot, (draws[:, 1] * self.params.items).astype(np.int64), slots)

    def follow_link(self, context: ChoiceContext, draws: Floats) -> Ints:
        """Return the linked slots (B,).

        Another item of the category until enough were compared or one was put in the cart, then an item of the
        category that the shopper's project needs next, of their brand and price band.
        """
        last_slot = np.where(context.n_views > 0, context.recent_slots[:, 0], 0)
        run_length = self._category_run_length(context)
        comparison_done = (context.funnel_depth > VIEWED) | (
            run_length >= self.preferences.n_comparisons[context.shopper]
        )
        return np.where(
            comparison_done,
            self._choose_next_need(context, last_slot, draws),
            self._choose_comparison(context, last_slot, run_length > 1),
        )

    def pick_from_niche(self, shopper: Ints, category: Ints, draws: Floats) -> Ints:
        """Return a slot (B,) of each category, mostly of the shopper's brand and price band."""
        is_preferred_brand, is_preferred_band = draws[:, 3] < P_PREFERRED_BRAND, draws[:, 4] < P_PREFERRED_PRICE_BAND
        any_brand = ((draws[:, 3] - P_PREFERRED_BRAND) / (1 - P_PREFERRED_BRAND) * len(BRANDS)).astype(np.int64)
        any_price_band = ((draws[:, 4] - P_PREFERRED_PRICE_BAND) / (1 - P_PREFERRED_PRICE_BAND) * N_PRICE_BANDS).astype(
            np.int64
        )
        brand = np.where(is_preferred_brand, self.preferences.brand[shopper], any_brand)
        price_band = np.where(is_preferred_band, self.preferences.price_band[shopper], any_price_band)
        return self.niches.pick(niche_index(category, brand, price_band), draws[:, 5])

    def favorite_categories(self, shopper: int, day: int) -> tuple[int, ...]:
        """Return the favourite categories of one shopper on a day."""
        return tuple(int(category) for category in self._favorite_categories(np.array([shopper]), np.array([day]))[0])

    def is_replenishment_due(self, shopper: Ints, last_day: Ints, day: Ints) -> Bools:
        """Return whether sessions are for buying a consumable again (B,). last_day: of the one before, -1 = none."""
        period, phase = self.preferences.replenishment_days[shopper], self.preferences.replenishment_phase[shopper]
        return is_replenishment_due(period, phase, last_day, day) & (self.staples[shopper] >= 0)

    def draw_funnel_depths(self, shopper: Ints, replenishment_due: Bools, draws: Floats) -> Ints:
        """Return VIEWED, CARTED or PURCHASED (B,). Bots only view; views of a due consumable lead to more purchases."""
        is_human = self.shopper_kind[shopper] != BOT
        carted = (draws[:, 6] < np.where(replenishment_due, P_BUY_REPLENISHMENT, self.params.cart_share)) & is_human
        return np.where(
            carted, np.where((draws[:, 7] < self.params.buy_share) | replenishment_due, PURCHASED, CARTED), VIEWED
        )

    def update_owned_categories(self, owned_categories: Ints, slot: Ints, funnel_depth: Ints) -> Ints:
        """Return the updated bits (B,) after a view; a purchased consumable is used up and sets no bit."""
        category = self.catalogue.categories[slot]
        durable_purchase = (funnel_depth == PURCHASED) & ~_is_consumable(self.params.categories)[category]
        return np.where(durable_purchase, owned_categories | 1 << category, owned_categories)

    def _category_run_length(self, context: ChoiceContext) -> Ints:
        """(B,) number of latest views in a row in the same category, up to MAX_RECENT_SLOTS."""
        category = self.catalogue.categories[context.recent_slots]
        same_category = (category == category[:, :1]) & (np.arange(MAX_RECENT_SLOTS) < context.n_views[:, None])
        return np.asarray(np.logical_and.accumulate(same_category, axis=1).sum(axis=1))

    def _choose_comparison(self, context: ChoiceContext, last_slot: Ints, is_comparing: Bools) -> Ints:
        item_graph, prices = self.catalogue.item_graph, self.catalogue.prices
        link_type = choose_link_type(
            item_graph,
            prices,
            last_slot,
            context.recent_slots[:, 1],
            self.preferences.price_band[context.shopper],
            is_comparing,
        )
        is_drifted = item_graph.drift_threshold[last_slot] < self.habit_drift[context.day]
        return np.where(
            is_drifted, item_graph.drifted_links[link_type, last_slot], item_graph.base_links[link_type, last_slot]
        )

    def _choose_next_need(self, context: ChoiceContext, last_slot: Ints, draws: Floats) -> Ints:
        project, category = self.preferences.project[context.shopper], self.catalogue.categories[last_slot]
        is_drifted = self.preferences.drift_threshold[context.shopper] < self.habit_drift[context.day]
        next_category = self.projects.next_category(project, category, context.owned_categories, is_drifted)
        return self.pick_from_niche(context.shopper, next_category, draws)

    def _revisit_slots(self, context: ChoiceContext, draw: Floats) -> Ints:
        """(B,) a recent slot other than the latest; geometric in the number of steps back."""
        max_steps_back = np.minimum(context.n_views, MAX_RECENT_SLOTS) - 1
        steps_back = 1 + np.floor(np.log1p(-draw) / np.log(REVISIT_DECAY)).astype(np.int64) % np.maximum(
            max_steps_back, 1
        )
        return np.asarray(context.recent_slots[np.arange(len(steps_back)), steps_back])

    def _explore_slots(self, context: ChoiceContext, draws: Floats) -> Ints:
        """(B,) a slot on the page of a favourite category, more often near its top."""
        categories = self._favorite_categories(context.shopper, context.day)
        cumulative_weights = np.cumsum(
            np.array(FAVORITE_WEIGHTS) * self.season_factors[context.day[:, None], categories], axis=1
        )
        column = (draws[:, 2, None] * cumulative_weights[:, -1:] >= cumulative_weights).sum(axis=1)
        return self.category_pages.pick(categories[np.arange(len(categories)), column], draws[:, 5])

    def _favorite_categories(self, shopper: Ints, day: Ints) -> Ints:
        """(B, 3) categories"""
        is_drifted = (self.preferences.drift_threshold[shopper] < self.taste_drift[day]).astype(np.int64)
        return np.asarray(self.preferences.favorite_categories[is_drifted, shopper])


def build_choice_model(
    params: ShopParams, catalogue: SimulatedCatalogue, preferences: Preferences, shopper_kind: Ints
) -> ChoiceModel:
    """Return the rules for every day of the shop and the day after its last."""
    days = range(params.days + 1)
    category, popularity = catalogue.categories[: params.items], catalogue.popularity[: params.items]
    category_pages = group_by_category(category, popularity)
    niche_groups = group_by_niche(
        category, catalogue.brands[: params.items], catalogue.item_graph.price_bands, popularity
    )
    return ChoiceModel(
        params=params,
        catalogue=catalogue,
        preferences=preferences,
        shopper_kind=shopper_kind,
        habit_drift=np.array([params.drift_strength("habit", day) for day in days]),
        taste_drift=np.array([params.drift_strength("taste", day) for day in days]),
        season_factors=_season_factors(params, days),
        projects=generate_projects(params.categories, np.random.default_rng([params.seed, PROJECTS_STREAM])),
        category_pages=category_pages,
        niches=niche_groups,
        related_lists=build_related_lists(
            category, category_pages, np.random.default_rng([params.seed, RELATED_LISTS_STREAM])
        ),
        sold_out=draw_sold_out(params.seed, len(days), params.items),
        staples=_assign_staples(params, niche_groups, preferences),
    )


def _season_factors(params: ShopParams, days: range) -> Floats:
    """(days + 1, C)"""
    shifts = [params.drift_strength("season", day) for day in days]
    rows = zip(days, shifts, strict=True)
    return np.stack([season_factors(params.first_day, day, shift, params.categories) for day, shift in rows])


def _assign_staples(params: ShopParams, niches: SlotGroups, preferences: Preferences) -> Ints:
    """(S,) one consumable of each shopper's brand and price band."""
    categories = np.flatnonzero(_is_consumable(params.categories))
    if not len(categories):
        return np.full(len(preferences.brand), -1)
    category = categories[(preferences.replenishment_phase + preferences.replenishment_days) % len(categories)]
    draw = np.random.default_rng([params.seed, STAPLES_STREAM]).random(len(preferences.brand))
    return niches.pick(niche_index(category, preferences.brand, preferences.price_band), draw)


def _is_consumable(n_categories: int) -> Bools:
    """(C,)"""
    return np.array([name in CONSUMABLES for name, *_ in CATEGORIES[:n_categories]])
