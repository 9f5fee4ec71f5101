"""Generate a simulated shop from its parameters: catalogue, shoppers, and their views, carts, purchases and returns.

The next view depends on more than the last item: on the last two (a comparison keeps its direction), on the number of
items compared in the category, on past purchases (a project skips owned categories), on the shopper's project, brand
and price band, and on consumables that run out. It also depends on the shop: items that are sold out, ranks on
category pages and the shop's own related lists. Each rule is a module; `choice_model` combines them.
"""

from dataclasses import dataclass, field

import numpy as np

from freshet.simulation.array_types import Bools
from freshet.simulation.browsing import simulate_browsing
from freshet.simulation.catalogue import SimulatedCatalogue, generate_catalogue
from freshet.simulation.choice_model import ChoiceModel, build_choice_model
from freshet.simulation.events import SimulatedEvents, simulate_events
from freshet.simulation.params import ShopParams
from freshet.simulation.preferences import draw_preferences
from freshet.simulation.shoppers import BOT, GUEST, generate_sessions


@dataclass(frozen=True)
class Shop:
    """A generated shop: catalogue, events, and the kinds of its shoppers."""

    params: ShopParams
    catalogue: SimulatedCatalogue
    events: SimulatedEvents
    is_guest: Bools = field(repr=False)  # (S,) without an account; includes bots
    is_bot: Bools = field(repr=False)  # (S,)
    choice_model: ChoiceModel = field(repr=False)


def generate(params: ShopParams) -> Shop:
    """Generate the shop: about a million events in three seconds. A drift changes nothing before its day."""
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
