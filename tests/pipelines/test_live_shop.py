"""Shoppers of the development loop come again, whatever the gateway answers."""

import logging
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import httpx
import pytest

from freshet.landing import landing_days
from freshet.settings import Settings
from freshet.simulation.live_shop import LiveShop
from freshet.simulation.params import ShopParams
from freshet.simulation.shop import generate
from freshet.store import open_store
from freshet.tables.mapping import read
from pipelines.live_shop import AT_ONCE, Door, keep_open, land_days, visited

ROOT = Path(__file__).parents[2]
SHOP = generate(ShopParams(seed=7, days=4, shoppers=30, items=20, categories=5))


def door(status: int, items: list[str]) -> tuple[Door, list[httpx.Request]]:
    """A gateway that takes events, and answers for a list with `status`; (it, what it was asked)."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if request.method == "POST":
            return httpx.Response(202)
        return httpx.Response(status, json={"items": [{"item_id": item} for item in items]})

    return Door(httpx.Client(transport=httpx.MockTransport(answer), base_url="http://gateway")), asked


def live() -> LiveShop:
    return LiveShop(SHOP, 3, 1)


def test_somebody_clicks_asks_for_ten_and_posts_what_became_of_them():
    own, asked = door(200, [f"nothing-{number}" for number in range(10)])
    assert visited(own, live()) is False
    assert [request.method for request in asked] == ["POST", "GET"]
    assert asked[1].url.params["k"] == "10"


def test_while_nothing_serves_there_is_no_list_and_no_complaint(caplog):
    assert visited(door(503, [])[0], live()) is None
    assert caplog.messages == []


def test_an_error_of_the_gateway_is_told_and_ends_nothing(caplog):
    with caplog.at_level(logging.WARNING, logger="freshet"):
        assert visited(door(500, [])[0], live()) is None
    (said,) = caplog.messages
    assert said.startswith("a visit went wrong: Server error '500 Internal Server Error' for url 'http://gateway/v1/")


def test_a_days_clicks_are_counted_and_not_rounded_to_a_share(caplog):
    own, _ = door(200, [f"nothing-{number}" for number in range(10)])
    with caplog.at_level(logging.INFO, logger="freshet"):
        keep_open(SHOP, iter([3]), own, day_seconds=0.2, visits=1_000)
    (line,) = caplog.messages
    assert re.fullmatch(r"0 of [1-9]\d* lists clicked", line)


@pytest.mark.parametrize("outcome", ["releases/00000001.json", "evaluations/e.json", "alerts/a.json"])
def test_until_a_first_model_is_judged_no_further_day_lands(tmp_path, outcome):
    mapping, first = ROOT / "examples" / "simulated_shop.yaml", date(2024, 3, 4)
    settings = Settings(_env_file=None, lake=str(tmp_path), mapping=mapping, first_day=first)
    store, shop = open_store(str(tmp_path)), generate(ShopParams(days=30, shoppers=200, items=20, first_day=first))
    days = land_days(settings, read(mapping), store, shop)
    assert [next(days) for _ in range(3)] == [AT_ONCE] * 3
    assert len(landing_days(store)) == AT_ONCE
    store.put(outcome, b"{}")
    assert [next(days) for _ in range(2)] == [AT_ONCE + 1, AT_ONCE + 2]
    assert len(landing_days(store)) == AT_ONCE + 2


@pytest.mark.dagster
def test_a_mistake_in_the_settings_is_one_line(tmp_path):
    environment = {"FRESHET_LAKE": str(tmp_path / "lake"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.live_shop"], cwd=tmp_path, env=environment, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "error: FRESHET_MAPPING: is not set; run `make dev`, which sets it\n"
