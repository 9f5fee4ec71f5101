"""Every shopper's way through the shop, one look of all shoppers at a time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from freshet.data.day_numbers import day_number
from freshet.simulation import repurchase
from freshet.simulation.choice_model import DRAWS_PER_VIEW, MAX_RECENT_SLOTS, Bools, ChoiceContext, ChoiceModel, Ints
from freshet.simulation.seasonality import DAY_SECONDS
from freshet.simulation.shoppers import Sessions


@dataclass(frozen=True)
class BrowseLog:
    """L looks, by shopper and in each shopper's order."""

    shopper: NDArray[np.int64]  # (L,)
    slot: NDArray[np.int64]  # (L,) in the catalogue
    funnel_depth: NDArray[np.int64]  # (L,) LOOKED, CARTED or BOUGHT
    session: NDArray[np.int64]  # (L,) number of the visit, over all shoppers


def simulate_browsing(sessions: Sessions, choice_model: ChoiceModel, rng: np.random.Generator) -> BrowseLog:
    """Who looks at what, and how far they go with it."""
    session = np.repeat(np.arange(len(sessions.n_views)), sessions.n_views)
    shopper = sessions.shopper[session]
    days = np.minimum(
        sessions.start // DAY_SECONDS - day_number(choice_model.params.first_day), choice_model.params.days - 1
    )
    session_starts = np.diff(session, prepend=-1) > 0
    replenishment_due = session_starts & _is_replenishment_due(sessions, choice_model, days)[session]
    draws = rng.random((len(session), DRAWS_PER_VIEW))
    funnel_depth = choice_model.draw_funnel_depths(shopper, replenishment_due, draws)
    slot = np.zeros(len(session), np.int64)
    n_shopper_views = np.bincount(shopper, minlength=len(sessions.shopper_kind))
    first_view = np.cumsum(n_shopper_views) - n_shopper_views
    by_activity = np.argsort(-n_shopper_views, kind="stable")
    recent_slots = np.zeros((len(by_activity), MAX_RECENT_SLOTS), np.int64)  # in the order of `busiest`
    owned_categories = np.zeros(len(by_activity), np.int64)
    for step in range(int(n_shopper_views.max(initial=0))):
        n_active = int(np.count_nonzero(n_shopper_views > step))
        view_index = first_view[by_activity[:n_active]] + step
        active_shoppers, n_views, previous_depth = (
            shopper[view_index],
            np.full(n_active, step),
            funnel_depth[view_index - (step > 0)],
        )
        context = ChoiceContext(
            active_shoppers,
            days[session[view_index]],
            session_starts[view_index],
            replenishment_due[view_index],
            n_views,
            recent_slots[:n_active],
            previous_depth,
            owned_categories[:n_active],
        )
        slot[view_index] = choice_model.choose_next_slots(context, draws[view_index])
        recent_slots = _push_recent(recent_slots[:n_active], slot[view_index])
        owned_categories = choice_model.update_owned_categories(
            owned_categories[:n_active], slot[view_index], funnel_depth[view_index]
        )
    return BrowseLog(shopper, slot, funnel_depth, session)


def _is_replenishment_due(sessions: Sessions, choice_model: ChoiceModel, days: Ints) -> Bools:
    """(V,) visits in which a shopper comes for their consumable."""
    same_shopper = np.diff(sessions.shopper, prepend=-1) == 0
    last_day = np.where(same_shopper, np.concatenate([[-1], days[:-1]]), -1)
    preferences, shopper = choice_model.preferences, sessions.shopper
    return repurchase.is_replenishment_due(
        preferences.replenishment_days[shopper], preferences.replenishment_phase[shopper], last_day, days
    ) & (choice_model.staples[shopper] >= 0)


def _push_recent(recent_slots: Ints, slot: Ints) -> Ints:
    """(B, RECENT) with the latest put in front."""
    return np.concatenate([slot[:, None], recent_slots[:, :-1]], axis=1)
