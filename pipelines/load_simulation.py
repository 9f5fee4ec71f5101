"""Load the simulated shop into a lake: for the demo, `make dev`, benchmarks and tests."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Final

from freshet.errors import LakeError
from freshet.ingest.land_files import land_files
from freshet.ingest.mapping.source_mapping import SourceMapping
from freshet.settings import Settings
from freshet.simulation.landing_files import DeliveryStats, write_landing_files
from freshet.simulation.params import RULES_VERSION, Drift, ShopParams
from freshet.simulation.shop import Shop, generate
from freshet.store import Store

SHOP_PATH: Final = "simulation/shop.json"  # in the lake: the parameters of its shop, for simulating further days
# Names of parameters in files of earlier versions → their names now.
FORMER_NAMES: Final = {
    "looks": "views_per_shopper",
    "visit_looks": "views_per_session",
    "follow": "p_follow_link",
    "again": "p_revisit",
    "shown": "p_related_click",
    "turnover": "catalogue_churn",
}


@dataclass(frozen=True)
class SimulatedShop:
    """The shop, the counts of its export, and its landing days."""

    shop: Shop
    stats: DeliveryStats
    days: tuple[date, ...]


def deliver(settings: Settings, mapping: SourceMapping, params: ShopParams) -> SimulatedShop:
    """Generate the shop and land all its files, each under its day."""
    shop = generate(params)
    stats, days = deliver_days(settings, mapping, shop, range(params.days))
    return SimulatedShop(shop, stats, days)


def deliver_days(
    settings: Settings, mapping: SourceMapping, shop: Shop, days: range
) -> tuple[DeliveryStats, tuple[date, ...]]:
    """Land the files of some of the shop's days, by number from 0. Return their counts and the landing days."""
    with tempfile.TemporaryDirectory() as folder:
        stats = write_landing_files(shop, Path(folder), days)
        landing_days = tuple(date.fromisoformat(path.stem[-10:]) for path in stats.files)
        for path, day in zip(stats.files, landing_days, strict=True):
            land_files(settings, [path], mapping, day, lambda _: None)
    return stats, landing_days


def save_shop_params(store: Store, params: ShopParams) -> None:
    """Write the parameters of the lake's shop and the version of the simulation."""
    store.put(SHOP_PATH, json.dumps({"rules": RULES_VERSION, **asdict(params)}, default=str, indent=1).encode())


def load_shop_params(store: Store) -> ShopParams | None:
    """Return the parameters of the simulated shop in the lake; None without one.

    Raises LakeError if another version simulated it: further days would not continue the same shop.
    """
    if not store.exists(SHOP_PATH):
        return None
    values = json.loads(store.get(SHOP_PATH))
    version = values.pop("rules", 1)  # version 1 was not written
    if version != RULES_VERSION:
        what = f"version {version} of the simulation made this shop, and this Freshet has version {RULES_VERSION}"
        fix = "remove the demo's folder (`rm -r demo`); `make dev` then starts a new shop"
        raise LakeError(store.full_path(SHOP_PATH), what, fix)
    drifts: Sequence[dict[str, object]] = values.pop("drifts")
    first_day = date.fromisoformat(values.pop("first_day"))
    values = {FORMER_NAMES.get(name, name): value for name, value in values.items()}
    return ShopParams(**values, first_day=first_day, drifts=tuple(Drift(**drift) for drift in drifts))  # type: ignore[arg-type]
