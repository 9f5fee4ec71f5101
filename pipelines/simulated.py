"""The shop that does not exist, delivered into a lake: for the demo, for benchmarks, for a first look."""

import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from freshet.delivery import land
from freshet.settings import Settings
from freshet.simulation.landing_files import Delivered, write_landing_files
from freshet.simulation.params import ShopParams
from freshet.simulation.shop import Shop, generate
from freshet.tables.mapping import Mapping


@dataclass(frozen=True)
class SimulatedShop:
    """The shop, what its export held, and the days it landed on."""

    shop: Shop
    delivered: Delivered
    days: tuple[date, ...]


def deliver(settings: Settings, mapping: Mapping, params: ShopParams) -> SimulatedShop:
    """Make the shop and land its files, each under its day."""
    shop = generate(params)
    with tempfile.TemporaryDirectory() as temporary:
        delivered = write_landing_files(shop, Path(temporary))
        days = tuple(date.fromisoformat(path.stem[-10:]) for path in delivered.files)
        for path, day in zip(delivered.files, days, strict=True):
            land(settings, [path], mapping, day, lambda _: None)
    return SimulatedShop(shop, delivered, days)
