"""The shoppers of `make dev` continue after every response or error of the gateway."""

import logging
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import httpx
import pytest

from freshet.ingest.mapping.source_mapping import read_mapping
from freshet.landing import landing_days
from freshet.settings import Settings
from freshet.simulation.live_shop import LiveShop
from freshet.simulation.params import ShopParams
from freshet.simulation.shop import generate
from freshet.store import open_store
from pipelines.live_shop import INITIAL_DAYS, HttpGatewayClient, land_days, run_shop, try_session

ROOT = Path(__file__).parents[2]
SIMULATED_SHOP = generate(ShopParams(seed=7, days=4, shoppers=30, items=20, categories=5))


def fake_gateway(status: int, items: list[str]) -> tuple[HttpGatewayClient, list[httpx.Request]]:
    """A gateway that accepts events and answers list requests with `status`; (client, requests)."""
    requests: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if request.method == "POST":
            return httpx.Response(202)
        return httpx.Response(status, json={"items": [{"item_id": item} for item in items]})

    return HttpGatewayClient(httpx.Client(transport=httpx.MockTransport(respond), base_url="http://gateway")), requests


def live_shop() -> LiveShop:
    return LiveShop(SIMULATED_SHOP, 3, 1)


def test_a_shopper_clicks_requests_ten_items_and_posts_the_events():
    gateway, requests = fake_gateway(200, [f"nothing-{number}" for number in range(10)])
    assert try_session(gateway, live_shop()) is False
    assert [request.method for request in requests] == ["POST", "GET"]
    assert requests[1].url.params["k"] == "10"


def test_without_a_release_there_is_no_list_and_no_error(caplog):
    assert try_session(fake_gateway(503, [])[0], live_shop()) is None
    assert caplog.messages == []


def test_an_error_of_the_gateway_is_logged_and_the_shop_continues(caplog):
    with caplog.at_level(logging.WARNING, logger="freshet"):
        assert try_session(fake_gateway(500, [])[0], live_shop()) is None
    (message,) = caplog.messages
    assert message.startswith("a session failed: Server error '500 Internal Server Error' for url 'http://gateway/v1/")


def test_a_days_clicks_are_counted_and_not_rounded_to_a_share(caplog):
    gateway, _ = fake_gateway(200, [f"nothing-{number}" for number in range(10)])
    with caplog.at_level(logging.INFO, logger="freshet"):
        run_shop(SIMULATED_SHOP, iter([3]), gateway, day_seconds=0.2, sessions_per_second=1_000)
    (line,) = caplog.messages
    assert re.fullmatch(r"0 of [1-9]\d* lists clicked", line)


@pytest.mark.parametrize("outcome", ["releases/00000001.json", "evaluations/e.json", "alerts/a.json"])
def test_no_further_day_lands_before_the_first_evaluation(tmp_path, outcome):
    mapping, first_day = ROOT / "examples" / "simulated_shop.yaml", date(2024, 3, 4)
    settings = Settings(_env_file=None, lake=str(tmp_path), mapping=mapping, first_day=first_day)
    store, shop = open_store(str(tmp_path)), generate(ShopParams(days=30, shoppers=200, items=20, first_day=first_day))
    days = land_days(settings, read_mapping(mapping), store, shop)
    assert [next(days) for _ in range(3)] == [INITIAL_DAYS] * 3
    assert len(landing_days(store)) == INITIAL_DAYS
    store.put(outcome, b"{}")
    assert [next(days) for _ in range(2)] == [INITIAL_DAYS + 1, INITIAL_DAYS + 2]
    assert len(landing_days(store)) == INITIAL_DAYS + 2


@pytest.mark.dagster
def test_a_mistake_in_the_settings_is_one_line(tmp_path):
    environment = {"FRESHET_LAKE": str(tmp_path / "lake"), "PYTHONPATH": str(ROOT)}
    completed_process = subprocess.run(
        [sys.executable, "-m", "pipelines.live_shop"], cwd=tmp_path, env=environment, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert completed_process.returncode == 2
    assert completed_process.stderr == "error: FRESHET_MAPPING: is not set; run `make dev`, which sets it\n"
