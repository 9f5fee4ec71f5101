"""The simulated shop, delivered into a lake: for the demo, the development loop, benchmarks and tests."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Final

from freshet.delivery import land
from freshet.errors import LakeError
from freshet.settings import Settings
from freshet.simulation.landing_files import Delivered, write_landing_files
from freshet.simulation.params import RULES, Drift, ShopParams
from freshet.simulation.shop import Shop, generate
from freshet.store import Store
from freshet.tables.mapping import Mapping

KEPT: Final = "simulation/shop.json"  # in the lake: the shop that it holds, so that it can go on


@dataclass(frozen=True)
class SimulatedShop:
    """The shop, what its export held, and the days it landed on."""

    shop: Shop
    delivered: Delivered
    days: tuple[date, ...]


def deliver(settings: Settings, mapping: Mapping, params: ShopParams) -> SimulatedShop:
    """Make the shop and land all its files, each under its day."""
    shop = generate(params)
    delivered, days = deliver_days(settings, mapping, shop, range(params.days))
    return SimulatedShop(shop, delivered, days)


def deliver_days(settings: Settings, mapping: Mapping, shop: Shop, days: range) -> tuple[Delivered, tuple[date, ...]]:
    """Land the files of some of the shop's days, by number from 0; (what they held, the landing days)."""
    with tempfile.TemporaryDirectory() as temporary:
        delivered = write_landing_files(shop, Path(temporary), days)
        landed = tuple(date.fromisoformat(path.stem[-10:]) for path in delivered.files)
        for path, day in zip(delivered.files, landed, strict=True):
            land(settings, [path], mapping, day, lambda _: None)
    return delivered, landed


def keep_shop(store: Store, params: ShopParams) -> None:
    """Write down which shop the lake holds, and by which version of the rules."""
    store.put(KEPT, json.dumps({"rules": RULES, **asdict(params)}, default=str, indent=1).encode())


def kept_shop(store: Store) -> ShopParams | None:
    """The shop that the lake holds; None where it holds a real one, or nothing.

    Raises LakeError where it was simulated by other rules: its next days would be another shop's.
    """
    if not store.exists(KEPT):
        return None
    values = json.loads(store.get(KEPT))
    rules = values.pop("rules", 1)  # the first version was not written down
    if rules != RULES:
        what = f"this shop was simulated by rules of version {rules}, and this Freshet has version {RULES}"
        fix = "remove the demo's folder (`rm -r demo`), then `make dev` begins a new shop"
        raise LakeError(store.where(KEPT), what, fix)
    drifts: Sequence[dict[str, object]] = values.pop("drifts")
    first = date.fromisoformat(values.pop("first_day"))
    return ShopParams(**values, first_day=first, drifts=tuple(Drift(**d) for d in drifts))  # type: ignore[arg-type]
