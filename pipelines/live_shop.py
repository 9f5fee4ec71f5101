"""Run the simulated shop for `make dev`: land a day at intervals, up to yesterday, and send shoppers to the gateway.

With Dagster's daemon and the gateway it forms a loop that runs without help. The shop is the one in the lake (after a
demo: the demo's), else a new one that starts some weeks ago. No further day lands before the first model was
evaluated: runs go one at a time, and those of new days would delay the training.
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
from freshet.ingest.mapping.source_mapping import SourceMapping, read_mapping
from freshet.landing import landing_days
from freshet.releases.journal_files import list_journal
from freshet.settings import Settings, load
from freshet.simulation.live_shop import LiveShop
from freshet.simulation.params import Drift, ShopParams
from freshet.simulation.shop import Shop, generate
from freshet.store import Store, open_store
from pipelines import program_entry
from pipelines.load_simulation import deliver_days, load_shop_params, save_shop_params
from pipelines.ports import base_url
from pipelines.shopper_session import run_session

log = logging.getLogger("freshet")

INITIAL_DAYS: Final = 21  # days that land first: enough for a first model
DAYS_BEFORE_DRIFT: Final = 7  # days between the initial ones and the habit drift
FIRST_MODEL_TIMEOUT_S: Final = 900.0  # maximum wait for the first evaluation


def main(
    day_seconds: Annotated[float, typer.Option(min=1, help="Seconds until the next day lands.")] = 60,
    sessions_per_second: Annotated[float, typer.Option(min=0.01, help="Sessions per second at the gateway.")] = 2,
    shoppers: Annotated[int, typer.Option(min=10, help="Shoppers of a new shop.")] = 2_000,
    items: Annotated[int, typer.Option(min=20, help="Items of a new shop.")] = 600,
) -> None:
    """Run the shop until Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings = load()
    if settings.mapping is None:
        raise SettingsError("FRESHET_MAPPING", "is not set", "run `make dev`, which sets it")
    store = open_store(settings.lake)
    shop = generate(
        _shop_params(settings, store, ShopParams(shoppers=shoppers, items=items, first_day=settings.first_day))
    )
    days = land_days(settings, read_mapping(settings.mapping), store, shop)
    with httpx.Client(base_url=base_url(settings.gateway_host, settings.gateway_port), timeout=10) as client:
        run_shop(shop, days, HttpGatewayClient(client), day_seconds, sessions_per_second)


def _shop_params(settings: Settings, store: Store, requested: ShopParams) -> ShopParams:
    """Return the shop in the lake, else the requested one from the first day to yesterday, with a habit drift."""
    stored_params = load_shop_params(store)
    if stored_params is not None:
        return stored_params
    days = (datetime.now(UTC).date() - settings.first_day).days
    if days < INITIAL_DAYS + DAYS_BEFORE_DRIFT:
        fix = f"set FRESHET_FIRST_DAY to a day at least {INITIAL_DAYS + DAYS_BEFORE_DRIFT} days ago"
        raise SettingsError("FRESHET_FIRST_DAY", f"{settings.first_day} leaves {days} days to simulate", fix)
    params = ShopParams(
        first_day=settings.first_day, days=days, shoppers=requested.shoppers, items=requested.items,
        drifts=(Drift("habit", INITIAL_DAYS + DAYS_BEFORE_DRIFT),),
    )  # fmt: skip
    save_shop_params(store, params)
    return params


def land_days(settings: Settings, mapping: SourceMapping, store: Store, shop: Shop) -> Iterator[int]:
    """Land the next day at each step; yield the number of the current day.

    After the initial days no day lands until a model was released or evaluated, or a run has failed.
    """
    first_day = shop.params.first_day
    landed_days = [day for day in landing_days(store) if first_day <= day < _end_day(shop)]
    if not landed_days:
        deliver_days(settings, mapping, shop, range(INITIAL_DAYS))
        last_day = first_day + timedelta(days=INITIAL_DAYS - 1)
        log.info(
            "%d days have landed, the last is %s; the next one lands after the first model was evaluated",
            INITIAL_DAYS,
            last_day,
        )
    day_number = (max(landed_days) - first_day).days + 1 if landed_days else INITIAL_DAYS
    wait_deadline = time.monotonic() + FIRST_MODEL_TIMEOUT_S
    while True:
        yield day_number
        if day_number < shop.params.days and (_has_first_evaluation(store) or time.monotonic() > wait_deadline):
            deliver_days(settings, mapping, shop, range(day_number, day_number + 1))
            log.info("%s has landed", first_day + timedelta(days=day_number))
            day_number += 1


def _has_first_evaluation(store: Store) -> bool:
    """Return whether a model has been released or evaluated, or a run has failed."""
    return bool(list_journal(store).entries) or any(store.list(folder) for folder in ("evaluations", "alerts"))


def _end_day(shop: Shop) -> date:
    return shop.params.first_day + timedelta(days=shop.params.days)


@dataclass(frozen=True)
class HttpGatewayClient:
    """A gateway over HTTP."""

    client: httpx.Client

    def post(self, events: Sequence[dict[str, Any]]) -> None:
        """Post events. Raises httpx.HTTPError if the gateway does not accept them."""
        self.client.post("/v1/events", json=list(events)).raise_for_status()

    def recommend(self, **query: Any) -> dict[str, Any] | None:
        """Return the response; None before the first release. Raises httpx.HTTPError for any other error."""
        response = self.client.get("/v1/recommendations", params=query)
        if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return None
        body: dict[str, Any] = response.raise_for_status().json()
        return body


def run_shop(
    shop: Shop, days: Iterator[int], gateway: HttpGatewayClient, day_seconds: float, sessions_per_second: float
) -> None:
    """Run simulated sessions, day by day, and log the number of clicked lists per day."""
    for attempt, day_number in enumerate(days):
        seed = int(time.time()) + attempt  # a restarted shop has other sessions
        live_shop = LiveShop(shop, day_number, seed, clock=lambda: datetime.now(UTC))
        n_lists = n_clicks = 0
        deadline = time.monotonic() + day_seconds
        while time.monotonic() < deadline:
            reaction = try_session(gateway, live_shop)
            n_lists, n_clicks = n_lists + (reaction is not None), n_clicks + bool(reaction)
            time.sleep(1 / sessions_per_second)
        if n_lists:  # counts: a share of 1 to 3 % of about a hundred lists would be noise
            log.info("%d of %d lists clicked", n_clicks, n_lists)


def try_session(gateway: HttpGatewayClient, live_shop: LiveShop) -> bool | None:
    """Run a session; return whether its list was clicked, None without a list (no release yet, or an error)."""
    try:
        reaction = run_session(gateway, live_shop).reaction
    except httpx.TransportError:
        return None  # the gateway is starting or was stopped: try again with the next session
    except httpx.HTTPError as error:
        log.warning("a session failed: %s", str(error).partition("\n")[0])
        return None
    return None if reaction is None else reaction.kind != "left"


if __name__ == "__main__":
    program_entry.run(main)
