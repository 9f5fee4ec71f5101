"""History parity on a simulated shop: it holds, and it can fail."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from freshet.live.latest import FOLDER, latest_histories, merged
from freshet.stages.history_parity import Probe, asked_by_day, at_the_gateway, parity, probes
from freshet.stages.latest import make_latest
from freshet.tables.latest import fragments, own_events
from freshet.tables.reading import EPOCH, load_training_set, shopper_history

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def both(small_shop):
    """The training set, all fragments, and what a gateway was told on the probed days."""
    data = load_training_set(small_shop.settings, small_shop.training_set)
    rows = fragments(small_shop.settings, small_shop.training_set.snapshots["histories"])
    own = {
        day: at_the_gateway(
            own_events(small_shop.settings, EPOCH + timedelta(days=day), [p.shopper for p in some]), some
        )
        for day, some in asked_by_day(probes(data))
    }
    return data, rows, own


def test_the_gateways_input_is_the_one_of_training(both):
    found = parity(*both, kept=400)
    assert found.probes > 150
    assert found.unlike == ()


def test_moments_lie_inside_visits_too(both):
    data, _, own = both
    owner = np.repeat(np.arange(len(data.histories)), np.diff(data.histories.offsets))

    def that_day(probe):
        return int(((owner == probe.place) & (data.histories.days == probe.day)).sum())

    inside = [p for p in probes(data) if 0 < len(own[p.day][p.shopper]) < that_day(p)]
    assert len(inside) > 20


def test_an_event_that_the_gateway_was_never_told_is_found_and_nothing_is_published(both, small_shop):
    data, rows, own = both
    probe = next(p for p in probes(data) if len(own[p.day][p.shopper]) > 1)
    own = {**own, probe.day: {**own[probe.day], probe.shopper: own[probe.day][probe.shopper][1:]}}
    found = parity(data, rows, own, kept=400)
    assert len(found.unlike) == 1
    assert found.unlike[0].startswith(f"shopper {probe.shopper[:8]} at ")
    assert "items" in found.unlike[0]


def test_a_training_set_that_is_a_second_off_is_found(both):
    data, rows, own = both
    late = replace(data.histories, times=data.histories.times + np.arange(len(data.histories.times)) % 2)
    assert parity(replace(data, histories=late), rows, own, kept=400).unlike != ()


def test_what_is_published_is_what_the_lake_knows_of_everybody(small_shop):
    outcome = make_latest(small_shop.settings, small_shop.store, small_shop.training_set)
    assert outcome.message() == ""
    small_shop.store.put("published/latest_histories.json", outcome.ref.model_dump_json().encode())
    found = latest_histories(small_shop.store, small_shop.settings.cache)
    assert found.as_of == small_shop.days[-1]
    names = [name.decode() for name in found.shoppers[::40]]
    assert [found.of(name) for name in names] == [shopper_history(small_shop.settings, name) for name in names]
    # What the gateway was told meanwhile and has landed counts once.
    assert merged(found.of(names[0]), found.of(names[0])[-3:]) == found.of(names[0])
    assert small_shop.store.exists(f"{FOLDER}/{found.id}/manifest.json")


def test_the_gateway_orders_events_of_one_second_as_the_tables_do():
    second = 1_709_251_200_000_000
    told = {"ann": [("b", "view", second + 2), ("c", "view", second + 2), ("a", "view", second + 1)]}
    asked = [Probe("ann", 0, 19783, second // 1_000_000)]
    assert [event[0] for event in at_the_gateway(told, asked)["ann"]] == ["a", "b", "c"]


def test_of_a_busy_day_the_gateway_knows_what_it_was_told_by_then():
    second = 1_709_251_200
    told = {"bot": [(f"i{number}", "view", (second + number) * 1_000_000) for number in range(900)]}
    known = at_the_gateway(told, [Probe("bot", 0, 19783, second + 499)])["bot"]
    assert [known[0][0], known[-1][0], len(known)] == ["i100", "i499", 400]
