"""History parity on a simulated shop: it holds, and it can fail."""

from dataclasses import replace

import numpy as np
import pytest

from freshet.artifacts import publish
from freshet.data.day_numbers import day_from_number
from freshet.features.latest_histories import read_day_events, read_fragments
from freshet.inference.latest_histories import HISTORIES_FOLDER, load_latest_histories, merge_events
from freshet.steps.history_parity import HistoryProbe, compare_views, gateway_view, probes_by_day, sample_probes
from freshet.steps.latest_histories import make_latest_histories
from freshet.tables.reader import load_training_set, read_shopper_history

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def training_and_gateway(small_shop):
    """The training set, all fragments, and what a gateway was told on the probed days."""
    data = load_training_set(small_shop.settings, small_shop.training_set)
    rows = read_fragments(small_shop.settings, small_shop.training_set.snapshots["histories"])
    gateway_events = {
        day: gateway_view(
            read_day_events(small_shop.settings, day_from_number(day), [p.shopper for p in day_events]),
            day_events,
        )
        for day, day_events in probes_by_day(sample_probes(data))
    }
    return data, rows, gateway_events


def test_the_gateways_input_is_the_one_of_training(both):
    view_parity = compare_views(*both, max_events=400)
    assert view_parity.probes > 150
    assert view_parity.mismatches == ()


def test_moments_lie_inside_visits_too(both):
    data, _, gateway_events = both
    owner = np.repeat(np.arange(len(data.histories)), np.diff(data.histories.offsets))

    def day_events(probe):
        return int(((owner == probe.place) & (data.histories.days == probe.day)).sum())

    inside = [p for p in sample_probes(data) if 0 < len(gateway_events[p.day][p.shopper]) < day_events(p)]
    assert len(inside) > 20


def test_an_event_that_the_gateway_was_never_told_is_found_and_nothing_is_published(both, small_shop):
    data, rows, gateway_events = both
    probe = next(p for p in sample_probes(data) if len(gateway_events[p.day][p.shopper]) > 1)
    gateway_events = {
        **gateway_events,
        probe.day: {**gateway_events[probe.day], probe.shopper: gateway_events[probe.day][probe.shopper][1:]},
    }
    view_parity = compare_views(data, rows, gateway_events, max_events=400)
    assert len(view_parity.mismatches) == 1
    assert view_parity.mismatches[0].startswith(f"shopper {probe.shopper[:8]} at ")
    assert "items" in view_parity.mismatches[0]


def test_a_training_set_that_is_a_second_off_is_found(both):
    data, rows, gateway_events = both
    shifted_histories = replace(data.histories, times=data.histories.times + np.arange(len(data.histories.times)) % 2)
    assert (
        compare_views(replace(data, histories=shifted_histories), rows, gateway_events, max_events=400).mismatches != ()
    )


def test_what_is_published_is_what_the_lake_knows_of_everybody(small_shop):
    outcome = make_latest_histories(small_shop.settings, small_shop.store, small_shop.training_set)
    assert outcome.message() == ""
    publish(small_shop.store, HISTORIES_FOLDER, outcome.ref)
    histories = load_latest_histories(small_shop.store, small_shop.settings.cache)
    assert histories.as_of == small_shop.days[-1]
    names = [name.decode() for name in histories.shoppers[::40]]
    assert [histories.for_shopper(name) for name in names] == [
        read_shopper_history(small_shop.settings, name) for name in names
    ]
    # What the gateway was told meanwhile and has landed counts once.
    assert merge_events(histories.for_shopper(names[0]), histories.for_shopper(names[0])[-3:]) == histories.for_shopper(
        names[0]
    )
    assert small_shop.store.exists(f"{HISTORIES_FOLDER}/{histories.id}/manifest.json")


def test_the_gateway_orders_events_of_one_second_as_the_tables_do():
    second = 1_709_251_200_000_000
    events_by_shopper = {"ann": [("b", "view", second + 2), ("c", "view", second + 2), ("a", "view", second + 1)]}
    history_probes = [HistoryProbe("ann", 0, 19783, second // 1_000_000)]
    assert [event[0] for event in gateway_view(events_by_shopper, history_probes)["ann"]] == ["a", "b", "c"]


def test_of_a_busy_day_the_gateway_knows_what_it_was_told_by_then():
    second = 1_709_251_200
    events_by_shopper = {"bot": [(f"i{number}", "view", (second + number) * 1_000_000) for number in range(900)]}
    gateway_history = gateway_view(events_by_shopper, [HistoryProbe("bot", 0, 19783, second + 499)])["bot"]
    assert [gateway_history[0][0], gateway_history[-1][0], len(gateway_history)] == ["i100", "i499", 400]
