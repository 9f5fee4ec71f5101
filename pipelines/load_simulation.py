"""The simulated shop, delivered into a lake: for the demo, the development loop, benchmarks and tests."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from freshet.errors import LakeError
from freshet.ingest.deliver import land_files
from freshet.ingest.mapping.source_mapping import SourceMapping
from freshet.settings import Settings
from freshet.simulation.landing_files import DeliveryStats, write_landing_files
from freshet.simulation.params import RULES_VERSION, Drift, ShopParams
from freshet.simulation.shop import Shop, generate
from freshet.store import Store

SHOP_PATH: Final = "simulation/shop.json"  # in the lake: the shop that it holds, so that it can go on
FORMER_PARAM_NAMES: Final = {  # of ShopParams, as earlier versions saved them
    "looks": "views_per_shopper",
    "visit_looks": "views_per_session",
    "follow": "p_follow_link",
    "again": "p_revisit",
    "shown": "p_related_click",
    "turnover": "catalogue_churn",
}


@dataclass(frozen=True)
class SimulatedShop:
    """The shop, what its export held, and the days it landed on."""

    shop: Shop
    stats: DeliveryStats
    days: tuple[date, ...]


def deliver(settings: Settings, mapping: SourceMapping, params: ShopParams) -> SimulatedShop:
    """Make the shop and land all its files, each under its day."""
    shop = generate(params)
    stats, days = deliver_days(settings, mapping, shop, range(params.days))
    return SimulatedShop(shop, stats, days)


def deliver_days(
    settings: Settings, mapping: SourceMapping, shop: Shop, days: range
) -> tuple[DeliveryStats, tuple[date, ...]]:
    """Land the files of some of the shop's days, by number from 0; (what they held, the landing days)."""
    with tempfile.TemporaryDirectory() as folder:
        stats = write_landing_files(shop, Path(folder), days)
        landing_days = tuple(date.fromisoformat(path.stem[-10:]) for path in stats.files)
        for path, day in zip(stats.files, landing_days, strict=True):
            land_files(settings, [path], mapping, day, lambda _: None)
    return stats, landing_days


def save_shop_params(store: Store, params: ShopParams) -> None:
    """Write down which shop the lake holds, and by which version of the rules."""
    store.put(SHOP_PATH, json.dumps({"rules": RULES_VERSION, **asdict(params)}, default=str, indent=1).encode())


def load_shop_params(store: Store) -> ShopParams | None:
    """The shop that the lake holds; None where it holds a real one, or nothing.

    Raises LakeError where it was simulated by other rules: its next days would be another shop's.
    """
    if not store.exists(SHOP_PATH):
        return None
    saved: dict[str, Any] = json.loads(store.get(SHOP_PATH))
    values = {FORMER_PARAM_NAMES.get(name, name): value for name, value in saved.items()}
    version = values.pop("rules", 1)  # the first version was not written down
    if version != RULES_VERSION:
        what = f"this shop was simulated by rules of version {version}, and this Freshet has version {RULES_VERSION}"
        fix = "remove the demo's folder (`rm -r demo`), then `make dev` begins a new shop"
        raise LakeError(store.full_path(SHOP_PATH), what, fix)
    drifts: Sequence[dict[str, object]] = values.pop("drifts")
    first_day = date.fromisoformat(values.pop("first_day"))
    return ShopParams(**values, first_day=first_day, drifts=tuple(Drift(**drift) for drift in drifts))  # type: ignore[arg-type]
