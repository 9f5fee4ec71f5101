"""Each kind of drift: what it changes from its day on, and what it does not change."""

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from freshet.data.day_numbers import day_number
from freshet.simulation.events import CART, VIEW, SimulatedEvents
from freshet.simulation.landing_files import write_landing_files
from freshet.simulation.params import DRIFT_KINDS, Drift, DriftKind, ShopParams
from freshet.simulation.seasonality import DAY_SECONDS
from freshet.simulation.shop import Shop, generate

DRIFT_DAY = 6
STEADY_PARAMS = ShopParams(shoppers=500, items=400, days=12, views_per_shopper=8.0, catalogue_churn=0.0)
DRIFT_START_S = (day_number(STEADY_PARAMS.first_day) + DRIFT_DAY) * DAY_SECONDS


@pytest.fixture(scope="module")
def steady_shop() -> Shop:
    return generate(STEADY_PARAMS)


def drifted_shop(kind: DriftKind, strength: float = 1.0) -> Shop:
    return generate(replace(STEADY_PARAMS, drifts=(Drift(kind, DRIFT_DAY, strength),)))


def events_before(events: SimulatedEvents) -> SimulatedEvents:
    return events.take(events.time < DRIFT_START_S)


def events_after(events: SimulatedEvents) -> SimulatedEvents:
    return events.take(events.time >= DRIFT_START_S + DAY_SECONDS)


def category_shares(shop: Shop) -> np.ndarray:
    """Share of the views by category, after the drift."""
    items = events_after(shop.events).item[events_after(shop.events).event_type == VIEW]
    return np.bincount(shop.catalogue.categories[items], minlength=20) / len(items)


def total_variation(left: np.ndarray, right: np.ndarray) -> float:
    """Half the sum of the differences: the share that would have to move."""
    return float(np.abs(left - right).sum() / 2)


def has_same_times(left: Shop, right: Shop) -> bool:
    """Whether two shops have the same events except for the items."""
    a, b = left.events, right.events
    return len(a) == len(b) and all(
        np.array_equal(getattr(a, part), getattr(b, part))
        for part in ("shopper", "session", "event_type", "time", "logged_in")
    )


def follow_rate(shop: Shop) -> float:
    """How often, after the drift, the next view is at what usually follows: in the category, or in the one needed."""
    events = events_after(shop.events)
    events = events.take(np.lexsort((events.time, events.session)))
    step = np.flatnonzero((np.diff(events.session) == 0) & (events.event_type[1:] == VIEW))
    catalogue, projects = shop.catalogue, shop.choice_model.projects
    last, following = catalogue.slots[events.item[step]], catalogue.slots[events.item[step + 1]]
    alike = (catalogue.item_graph.base_links[:, last] == following).any(axis=0)
    needed = projects.base_next[shop.choice_model.preferences.project[events.shopper[step]], catalogue.categories[last]]
    return float((alike | (needed == catalogue.categories[following])).mean())


def exported_rows(shop: Shop, folder: Path) -> list[dict[str, str]]:
    files = write_landing_files(shop, folder, range(DRIFT_DAY, STEADY_PARAMS.days)).files
    return [row for path in files for row in csv.DictReader(path.open())]


@pytest.mark.parametrize("kind", DRIFT_KINDS)
def test_a_drift_changes_no_event_before_its_day(steady_shop: Shop, kind: DriftKind) -> None:
    one, other = events_before(steady_shop.events), events_before(drifted_shop(kind).events)
    late = DRIFT_START_S - DAY_SECONDS // 4  # a session that started before midnight keeps its rules
    for part in ("shopper", "item", "event_type", "time", "logged_in"):
        a, b = getattr(one, part)[one.time < late], getattr(other, part)[other.time < late]
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", DRIFT_KINDS)
def test_a_drift_of_strength_zero_changes_no_event(steady_shop: Shop, kind: DriftKind) -> None:
    weak = drifted_shop(kind, strength=0.0)
    assert has_same_times(weak, steady_shop)
    np.testing.assert_array_equal(weak.events.item, steady_shop.events.item)


def test_taste_moves_categories_and_neither_times_nor_links(steady_shop: Shop) -> None:
    other = drifted_shop("taste")
    assert total_variation(category_shares(other), category_shares(steady_shop)) > 0.12
    little = total_variation(category_shares(drifted_shop("taste", 0.3)), category_shares(steady_shop))
    assert little < total_variation(category_shares(other), category_shares(steady_shop))
    assert has_same_times(other, steady_shop)
    assert follow_rate(other) == pytest.approx(follow_rate(steady_shop), abs=0.05)


def test_habit_changes_what_follows_and_hardly_what_is_viewed(steady_shop: Shop) -> None:
    other = drifted_shop("habit")
    assert follow_rate(steady_shop) > 0.5
    assert follow_rate(other) < 0.3
    assert follow_rate(other) < follow_rate(drifted_shop("habit", 0.5)) < follow_rate(steady_shop)
    for shop in (other, drifted_shop("habit", 0.3)):
        assert total_variation(category_shares(shop), category_shares(steady_shop)) < 0.1
    assert has_same_times(other, steady_shop)


def test_the_catalogue_is_new_and_shoppers_go_the_same_ways_through_it(steady_shop: Shop) -> None:
    other = drifted_shop("catalogue")
    views = events_after(other.events).take(
        events_after(other.events).event_type == VIEW
    )  # what comes back was bought before
    assert views.item.min() >= 400
    np.testing.assert_array_equal(other.catalogue.slots[other.events.item], steady_shop.events.item)
    assert has_same_times(other, steady_shop)


def test_prices_rise_by_half_and_events_are_unchanged(steady_shop: Shop, tmp_path: Path) -> None:
    one, other = exported_rows(steady_shop, tmp_path / "one"), exported_rows(drifted_shop("prices"), tmp_path / "other")
    rows_after = [n for n, row in enumerate(one) if "2026-01-11" <= row["event_time"] < "2030"]
    assert len(rows_after) > 1000
    for n in rows_after:
        assert float(other[n]["price"]) == pytest.approx(1.5 * float(one[n]["price"]), abs=0.006)
    assert [{**row, "price": ""} for row in one] == [{**row, "price": ""} for row in other]


def test_traffic_adds_guests_and_bots_and_members_do_as_before(steady_shop: Shop) -> None:
    other = drifted_shop("traffic")

    def member_events(shop: Shop) -> SimulatedEvents:
        return shop.events.take(~shop.is_guest[shop.events.shopper])

    def n_guests(shop: Shop) -> int:
        return int((shop.is_guest & ~shop.is_bot)[events_after(shop.events).shopper].sum())

    assert 3 < n_guests(other) / n_guests(steady_shop) < 5
    assert other.is_bot.sum() > steady_shop.is_bot.sum()
    for part in ("shopper", "item", "event_type", "time"):
        np.testing.assert_array_equal(getattr(member_events(other), part), getattr(member_events(steady_shop), part))


def test_a_tracking_fault_loses_only_titles_categories_and_carts(steady_shop: Shop, tmp_path: Path) -> None:
    other = drifted_shop("tracking", 0.4)
    kinds = [np.bincount(events_after(shop.events).event_type, minlength=4) for shop in (steady_shop, other)]
    assert kinds[1][CART] / kinds[0][CART] == pytest.approx(0.6, abs=0.08)
    np.testing.assert_array_equal(np.delete(kinds[0], CART), np.delete(kinds[1], CART))
    missing_counts = Counter((row["title"] == "", row["category"] == "") for row in exported_rows(other, tmp_path))
    assert set(missing_counts) == {(False, False), (True, True)}
    assert missing_counts[True, True] / missing_counts.total() == pytest.approx(0.4, abs=0.05)


def test_the_seasons_come_early_and_times_do_not_change(steady_shop: Shop) -> None:
    other = drifted_shop("season")
    summer, winter = (other.catalogue.categories[:20] == n for n in (0, 12))  # tents sell in June, fleeces in January
    assert category_shares(other)[summer] > category_shares(steady_shop)[summer]
    assert category_shares(other)[winter] < category_shares(steady_shop)[winter]
    assert has_same_times(other, steady_shop)
