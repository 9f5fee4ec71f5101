"""A simulated shop, the same for the same seed: what its shoppers look at, put in the cart, buy, send back.

What comes next depends on more than the last item: on the two before (a comparison goes on in its direction), on how
many of a category were compared, on what was bought (a project goes on past it), on the shopper's project, brand and
price, on what is used up and bought again. It depends on the shop, too: what is sold out, what stands at the top of a
page or in a list that an old recommender made. Each rule is a module; `choices` puts them together.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from freshet.simulation.browsing import simulate_browsing
from freshet.simulation.catalogue import Catalogue, generate_catalogue
from freshet.simulation.choice_model import ChoiceModel, build_choice_model
from freshet.simulation.events import SimulatedEvents, simulate_events
from freshet.simulation.params import ShopParams
from freshet.simulation.preferences import draw_preferences
from freshet.simulation.shoppers import BOT, GUEST, generate_sessions


@dataclass(frozen=True)
class Shop:
    """The catalogue, who came, and everything that happened."""

    params: ShopParams
    catalogue: Catalogue
    events: SimulatedEvents
    is_guest: NDArray[np.bool_] = field(repr=False)  # (shoppers,) who have no account; bots have none either
    is_bot: NDArray[np.bool_] = field(repr=False)  # (shoppers,)
    choice_model: ChoiceModel = field(repr=False)  # how shoppers choose


def generate(params: ShopParams) -> Shop:
    """The whole shop; about a million events in three seconds. A drift changes nothing before its day."""
    catalogue_rng, session_rng, browsing_rng, event_rng = (
        np.random.default_rng([params.seed, n]) for n in range(10, 14)
    )
    item_catalogue = generate_catalogue(params, catalogue_rng)
    sessions = generate_sessions(params, session_rng)
    choice_model = build_choice_model(
        params,
        item_catalogue,
        draw_preferences(params, len(sessions.shopper_kind), params.seed, 20),
        sessions.shopper_kind,
    )
    browse_log = simulate_browsing(sessions, choice_model, browsing_rng)
    events = simulate_events(params, item_catalogue, sessions, browse_log, event_rng)
    return Shop(
        params, item_catalogue, events, sessions.shopper_kind >= GUEST, sessions.shopper_kind == BOT, choice_model
    )
