"""The simulated shop, open: a day lands every so often until yesterday is reached, and shoppers visit the gateway.

For `make dev` alone: together with Dagster's daemon and the gateway it is a loop that runs by itself. The shop is
the one that the lake holds (the demo's, where there was a demo), else one that begins some weeks ago. Until a first
model has been judged no further day lands: runs go one at a time, and those of new days would delay the training.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final

import httpx
import typer

from freshet.errors import SettingsError
from freshet.landing import landing_days
from freshet.live.journal_files import listing
from freshet.settings import Settings, load
from freshet.simulation.live_shop import LiveShop
from freshet.simulation.params import Drift, ShopParams
from freshet.simulation.shop import Shop, generate
from freshet.store import Store, open_store
from freshet.tables.mapping import Mapping, read
from pipelines import entry
from pipelines.ports import address
from pipelines.simulated import deliver_days, keep_shop, kept_shop
from pipelines.visits import visit_once

log = logging.getLogger("freshet")

AT_ONCE: Final = 21  # days that land when a shop begins: enough for a first model
CALM: Final = 7  # days after those before habits change
FIRST_MODEL: Final = 900.0  # seconds that the shop waits for it, at most


def main(
    day_seconds: Annotated[float, typer.Option(min=1, help="Seconds until the next day lands.")] = 60,
    visits: Annotated[float, typer.Option(min=0.01, help="Visits a second at the gateway.")] = 2,
    shoppers: Annotated[int, typer.Option(min=10, help="Shoppers of a shop that begins now.")] = 2_000,
    items: Annotated[int, typer.Option(min=20, help="Items of a shop that begins now.")] = 600,
) -> None:
    """Keep the shop open until Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings = load()
    if settings.mapping is None:
        raise SettingsError("FRESHET_MAPPING", "is not set", "run `make dev`, which sets it")
    store = open_store(settings.lake)
    shop = generate(_shop(settings, store, ShopParams(shoppers=shoppers, items=items, first_day=settings.first_day)))
    days = land_days(settings, read(settings.mapping), store, shop)
    with httpx.Client(base_url=address(settings.gateway_host, settings.gateway_port), timeout=10) as client:
        keep_open(shop, days, Door(client), day_seconds, visits)


def _shop(settings: Settings, store: Store, wanted: ShopParams) -> ShopParams:
    """The lake's own shop, else the wanted one from the first day to yesterday, with a drift on its way."""
    kept = kept_shop(store)
    if kept is not None:
        return kept
    days = (datetime.now(UTC).date() - settings.first_day).days
    if days < AT_ONCE + CALM:
        fix = f"set FRESHET_FIRST_DAY to a day at least {AT_ONCE + CALM} days ago"
        raise SettingsError("FRESHET_FIRST_DAY", f"{settings.first_day} leaves {days} days to simulate", fix)
    params = ShopParams(
        first_day=settings.first_day, days=days, shoppers=wanted.shoppers, items=wanted.items,
        drifts=(Drift("habit", AT_ONCE + CALM),),
    )  # fmt: skip
    keep_shop(store, params)
    return params


def land_days(settings: Settings, mapping: Mapping, store: Store, shop: Shop) -> Iterator[int]:
    """Land the next day at each step; yields the number of the day that shoppers live in.

    After the first days it waits for a first model: until it is released, or refused, or its run has failed. A further
    day then has the next one trained.
    """
    first = shop.params.first_day
    landed = [day for day in landing_days(store) if first <= day < _end(shop)]
    if not landed:
        deliver_days(settings, mapping, shop, range(AT_ONCE))
        last = first + timedelta(days=AT_ONCE - 1)
        log.info("%d days have landed, %s is the last; the next one when a first model has been judged", AT_ONCE, last)
    number = (max(landed) - first).days + 1 if landed else AT_ONCE
    waits_until = time.monotonic() + FIRST_MODEL
    while True:
        yield number
        if number < shop.params.days and (_first_model_is_judged(store) or time.monotonic() > waits_until):
            deliver_days(settings, mapping, shop, range(number, number + 1))
            log.info("%s has landed", first + timedelta(days=number))
            number += 1


def _first_model_is_judged(store: Store) -> bool:
    """Whether a model has been released or at least evaluated, or a run has failed."""
    return bool(listing(store).entries) or any(store.list(folder) for folder in ("evaluations", "alerts"))


def _end(shop: Shop) -> date:
    return shop.params.first_day + timedelta(days=shop.params.days)


@dataclass(frozen=True)
class Door:
    """The gateway, wherever it is up."""

    client: httpx.Client

    def post(self, events: Sequence[dict[str, Any]]) -> None:
        """Raises httpx.HTTPError where it does not take them."""
        self.client.post("/v1/events", json=list(events)).raise_for_status()

    def recommended(self, **who: Any) -> dict[str, Any] | None:
        """The answer, None while nothing serves. Raises httpx.HTTPError where it has none."""
        answer = self.client.get("/v1/recommendations", params=who)
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return None
        found: dict[str, Any] = answer.raise_for_status().json()
        return found


def keep_open(shop: Shop, days: Iterator[int], door: Door, day_seconds: float, visits: float) -> None:
    """Let shoppers visit, day by day, so many a second, and log each day how many of their lists were clicked."""
    for turn, number in enumerate(days):
        seed = int(time.time()) + turn  # a shop that is opened again has other visits
        live = LiveShop(shop, number, seed, clock=lambda: datetime.now(UTC))
        shown = clicked = 0
        until = time.monotonic() + day_seconds
        while time.monotonic() < until:
            click = visited(door, live)
            shown, clicked = shown + (click is not None), clicked + bool(click)
            time.sleep(1 / visits)
        if shown:  # counts: of a hundred lists or so, a share of 1 to 3 % would be noise
            log.info("%d of %d lists clicked", clicked, shown)


def visited(door: Door, live: LiveShop) -> bool | None:
    """Whether the list was clicked; None where there was none, because nothing serves yet or something went wrong."""
    try:
        reaction = visit_once(door, live).reaction
    except httpx.TransportError:
        return None  # the gateway is starting, or somebody has stopped it: shoppers come again
    except httpx.HTTPError as error:
        log.warning("a visit went wrong: %s", str(error).partition("\n")[0])
        return None
    return None if reaction is None else reaction.kind != "left"


if __name__ == "__main__":
    entry.run(main)
