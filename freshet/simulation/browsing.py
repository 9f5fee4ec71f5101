"""Browsing: which items every shopper views, one view of all shoppers at a time."""

from dataclasses import dataclass

import numpy as np

from freshet.data.day_numbers import day_number
from freshet.simulation.array_types import Bools, Floats, Ints
from freshet.simulation.choice_model import DRAWS_PER_VIEW, MAX_RECENT_SLOTS, ChoiceContext, ChoiceModel
from freshet.simulation.seasonality import DAY_SECONDS
from freshet.simulation.shoppers import Sessions


@dataclass(frozen=True)
class BrowseLog:
    """L views, by shopper and in each shopper's order."""

    shopper: Ints  # (L,)
    slot: Ints  # (L,) in the catalogue
    funnel_depth: Ints  # (L,) VIEWED, CARTED or PURCHASED
    session: Ints  # (L,) number of the session, over all shoppers


@dataclass(frozen=True)
class _PlannedViews:
    """L views before their slots are chosen, by shopper and in each shopper's order."""

    shopper: Ints  # (L,)
    day: Ints  # (L,)
    session_starts: Bools  # (L,)
    replenishment_due: Bools  # (L,)
    funnel_depth: Ints  # (L,)
    draws: Floats  # (L, DRAWS_PER_VIEW)


def simulate_browsing(sessions: Sessions, choice_model: ChoiceModel, rng: np.random.Generator) -> BrowseLog:
    """Return every shopper's views in order, each with its funnel depth."""
    session = np.repeat(np.arange(len(sessions.n_views)), sessions.n_views)
    shopper = sessions.shopper[session]
    days = np.minimum(
        sessions.start // DAY_SECONDS - day_number(choice_model.params.first_day), choice_model.params.days - 1
    )
    session_starts = np.diff(session, prepend=-1) > 0
    replenishment_due = session_starts & _is_replenishment_due(sessions, choice_model, days)[session]
    draws = rng.random((len(session), DRAWS_PER_VIEW))
    funnel_depth = choice_model.draw_funnel_depths(shopper, replenishment_due, draws)
    views = _PlannedViews(shopper, days[session], session_starts, replenishment_due, funnel_depth, draws)
    return BrowseLog(shopper, _choose_slots(views, len(sessions.shopper_kind), choice_model), funnel_depth, session)


def _choose_slots(views: _PlannedViews, n_shoppers: int, choice_model: ChoiceModel) -> Ints:
    """Return the slot of every view (L,). Step n chooses the nth view of all shoppers that have one."""
    slot = np.zeros(len(views.shopper), np.int64)
    views_per_shopper = np.bincount(views.shopper, minlength=n_shoppers)
    first_view = np.cumsum(views_per_shopper) - views_per_shopper
    by_activity = np.argsort(-views_per_shopper, kind="stable")
    recent_slots = np.zeros((n_shoppers, MAX_RECENT_SLOTS), np.int64)  # in the order of `by_activity`
    owned_categories = np.zeros(n_shoppers, np.int64)
    for step in range(int(views_per_shopper.max(initial=0))):
        n_active = int(np.count_nonzero(views_per_shopper > step))
        index = first_view[by_activity[:n_active]] + step
        context = ChoiceContext(
            shopper=views.shopper[index],
            day=views.day[index],
            session_starts=views.session_starts[index],
            replenishment_due=views.replenishment_due[index],
            n_views=np.full(n_active, step),
            recent_slots=recent_slots[:n_active],
            funnel_depth=views.funnel_depth[index - (step > 0)],
            owned_categories=owned_categories[:n_active],
        )
        slot[index] = choice_model.choose_next_slots(context, views.draws[index])
        recent_slots = _push_recent(recent_slots[:n_active], slot[index])
        owned_categories = choice_model.update_owned_categories(
            owned_categories[:n_active], slot[index], views.funnel_depth[index]
        )
    return slot


def _is_replenishment_due(sessions: Sessions, choice_model: ChoiceModel, days: Ints) -> Bools:
    """(V,) sessions in which a shopper comes to buy their consumable again."""
    same_shopper = np.diff(sessions.shopper, prepend=-1) == 0
    last_day = np.where(same_shopper, np.concatenate([[-1], days[:-1]]), -1)
    return choice_model.is_replenishment_due(sessions.shopper, last_day, days)


def _push_recent(recent_slots: Ints, slot: Ints) -> Ints:
    """(B, MAX_RECENT_SLOTS) with the latest slot first."""
    return np.concatenate([slot[:, None], recent_slots[:, :-1]], axis=1)
