"""History parity on a simulated shop: it passes, and it detects differences."""

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
    """The training set, all history fragments, and the gateway's view of the probed days."""
    data = load_training_set(small_shop.settings, small_shop.training_set)
    rows = read_fragments(small_shop.settings, small_shop.training_set.snapshots["histories"])
    gateway_events = {
        day: gateway_view(
            read_day_events(small_shop.settings, day_from_number(day), [p.shopper for p in day_probes]),
            day_probes,
        )
        for day, day_probes in probes_by_day(sample_probes(data))
    }
    return data, rows, gateway_events


def test_the_gateways_input_equals_that_of_training(training_and_gateway):
    view_parity = compare_views(*training_and_gateway, max_events=400)
    assert view_parity.probes > 150
    assert view_parity.mismatches == ()


def test_some_probes_lie_within_a_visit(training_and_gateway):
    data, _, gateway_events = training_and_gateway
    owner = np.repeat(np.arange(len(data.histories)), np.diff(data.histories.offsets))

    def day_events(probe):
        return int(((owner == probe.shopper_index) & (data.histories.days == probe.day)).sum())

    within_visit = [p for p in sample_probes(data) if 0 < len(gateway_events[p.day][p.shopper]) < day_events(p)]
    assert len(within_visit) > 20


def test_an_event_that_the_gateway_has_not_received_is_a_mismatch(training_and_gateway, small_shop):
    data, rows, gateway_events = training_and_gateway
    probe = next(p for p in sample_probes(data) if len(gateway_events[p.day][p.shopper]) > 1)
    gateway_events = {
        **gateway_events,
        probe.day: {**gateway_events[probe.day], probe.shopper: gateway_events[probe.day][probe.shopper][1:]},
    }
    view_parity = compare_views(data, rows, gateway_events, max_events=400)
    assert len(view_parity.mismatches) == 1
    assert view_parity.mismatches[0].startswith(f"shopper {probe.shopper[:8]} at ")
    assert "items" in view_parity.mismatches[0]


def test_times_that_are_a_second_off_are_mismatches(training_and_gateway):
    data, rows, gateway_events = training_and_gateway
    shifted_histories = replace(data.histories, times=data.histories.times + np.arange(len(data.histories.times)) % 2)
    assert (
        compare_views(replace(data, histories=shifted_histories), rows, gateway_events, max_events=400).mismatches != ()
    )


def test_published_histories_equal_those_of_the_tables(small_shop):
    result = make_latest_histories(small_shop.settings, small_shop.store, small_shop.training_set)
    assert result.message() == ""
    publish(small_shop.store, HISTORIES_FOLDER, result.ref)
    histories = load_latest_histories(small_shop.store, small_shop.settings.cache_dir)
    assert histories.as_of == small_shop.days[-1]
    names = [name.decode() for name in histories.shoppers[::40]]
    assert [histories.for_shopper(name) for name in names] == [
        read_shopper_history(small_shop.settings, name) for name in names
    ]
    # Events that the gateway has received and that have landed since count once.
    assert merge_events(histories.for_shopper(names[0]), histories.for_shopper(names[0])[-3:]) == histories.for_shopper(
        names[0]
    )
    assert small_shop.store.exists(f"{HISTORIES_FOLDER}/{histories.id}/manifest.json")


def test_the_gateway_orders_events_of_one_second_as_the_tables_do():
    second = 1_709_251_200_000_000
    events_by_shopper = {"ann": [("b", "view", second + 2), ("c", "view", second + 2), ("a", "view", second + 1)]}
    history_probes = [HistoryProbe("ann", 0, 19783, second // 1_000_000)]
    assert [event[0] for event in gateway_view(events_by_shopper, history_probes)["ann"]] == ["a", "b", "c"]


def test_the_gateway_view_of_a_busy_day_ends_at_the_probe():
    second = 1_709_251_200
    events_by_shopper = {"bot": [(f"i{number}", "view", (second + number) * 1_000_000) for number in range(900)]}
    gateway_history = gateway_view(events_by_shopper, [HistoryProbe("bot", 0, 19783, second + 499)])["bot"]
    assert [gateway_history[0][0], gateway_history[-1][0], len(gateway_history)] == ["i100", "i499", 400]
