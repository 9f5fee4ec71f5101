"""Each kind of drift: what it changes from its day on, and what it leaves alone. Nothing changes before."""

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from freshet.simulation.clock import DAY, day_number
from freshet.simulation.landing_files import write_landing_files
from freshet.simulation.moments import CART, VIEW, SimulatedEvents
from freshet.simulation.params import DRIFT_KINDS, Drift, DriftKind, ShopParams
from freshet.simulation.shop import Shop, generate

BEGINS = 6
STEADY = ShopParams(shoppers=500, items=400, days=12, looks=8.0, turnover=0.0)
MIDNIGHT = (day_number(STEADY.first_day) + BEGINS) * DAY


@pytest.fixture(scope="module")
def steady() -> Shop:
    return generate(STEADY)


def drifted(kind: DriftKind, strength: float = 1.0) -> Shop:
    return generate(replace(STEADY, drifts=(Drift(kind, BEGINS, strength),)))


def before(events: SimulatedEvents) -> SimulatedEvents:
    return events.take(events.time < MIDNIGHT)


def after(events: SimulatedEvents) -> SimulatedEvents:
    return events.take(events.time >= MIDNIGHT + DAY)


def categories(shop: Shop) -> np.ndarray:
    """Share of the views by category, after the drift."""
    items = after(shop.events).item[after(shop.events).kind == VIEW]
    return np.bincount(shop.catalogue.categories[items], minlength=20) / len(items)


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Half the sum of the differences: the share that would have to move."""
    return float(np.abs(one - other).sum() / 2)


def same_moments(one: Shop, other: Shop) -> bool:
    """The same shoppers did the same kinds of things at the same times, whatever the items."""
    a, b = one.events, other.events
    return len(a) == len(b) and all(
        np.array_equal(getattr(a, part), getattr(b, part)) for part in ("shopper", "visit", "kind", "time", "known")
    )


def followed(shop: Shop) -> float:
    """How often, after the drift, the next look is at what usually follows: in the category, or in the one needed."""
    events = after(shop.events)
    events = events.take(np.lexsort((events.time, events.visit)))
    step = np.flatnonzero((np.diff(events.visit) == 0) & (events.kind[1:] == VIEW))
    goods, projects = shop.catalogue, shop.rules.projects
    last, following = goods.places[events.item[step]], goods.places[events.item[step + 1]]
    alike = (goods.paths.usual[:, last] == following).any(axis=0)
    needed = projects.usual[shop.rules.tastes.project[events.shopper[step]], goods.categories[last]]
    return float((alike | (needed == goods.categories[following])).mean())


def rows(shop: Shop, folder: Path) -> list[dict[str, str]]:
    files = write_landing_files(shop, folder, range(BEGINS, STEADY.days)).files
    return [row for path in files for row in csv.DictReader(path.open())]


@pytest.mark.parametrize("kind", DRIFT_KINDS)
def test_before_its_day_nothing_is_different(steady: Shop, kind: DriftKind) -> None:
    one, other = before(steady.events), before(drifted(kind).events)
    late = MIDNIGHT - DAY // 4  # a visit begun before midnight keeps its rules; what is put off by a drift comes later
    for part in ("shopper", "item", "kind", "time", "known"):
        a, b = getattr(one, part)[one.time < late], getattr(other, part)[other.time < late]
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", DRIFT_KINDS)
def test_without_strength_nothing_is_different_ever(steady: Shop, kind: DriftKind) -> None:
    weak = drifted(kind, strength=0.0)
    assert same_moments(weak, steady)
    np.testing.assert_array_equal(weak.events.item, steady.events.item)


def test_taste_moves_categories_and_leaves_moments_and_paths_alone(steady: Shop) -> None:
    other = drifted("taste")
    assert distance(categories(other), categories(steady)) > 0.12
    little = distance(categories(drifted("taste", 0.3)), categories(steady))
    assert little < distance(categories(other), categories(steady))
    assert same_moments(other, steady)
    assert followed(other) == pytest.approx(followed(steady), abs=0.05)


def test_habit_changes_what_follows_and_hardly_what_is_looked_at(steady: Shop) -> None:
    other = drifted("habit")
    assert followed(steady) > 0.5
    assert followed(other) < 0.3
    assert followed(other) < followed(drifted("habit", 0.5)) < followed(steady)
    for shop in (other, drifted("habit", 0.3)):
        assert distance(categories(shop), categories(steady)) < 0.1
    assert same_moments(other, steady)


def test_the_catalogue_is_new_and_shoppers_go_the_same_ways_through_it(steady: Shop) -> None:
    other = drifted("catalogue")
    looked = after(other.events).take(after(other.events).kind == VIEW)  # what comes back was bought before
    assert looked.item.min() >= 400
    np.testing.assert_array_equal(other.catalogue.places[other.events.item], steady.events.item)
    assert same_moments(other, steady)


def test_prices_rise_by_half_and_nothing_else_happens(steady: Shop, tmp_path: Path) -> None:
    one, other = rows(steady, tmp_path / "one"), rows(drifted("prices"), tmp_path / "other")
    fresh = [n for n, row in enumerate(one) if "2026-01-11" <= row["event_time"] < "2030"]
    assert len(fresh) > 1000
    for n in fresh:
        assert float(other[n]["price"]) == pytest.approx(1.5 * float(one[n]["price"]), abs=0.006)
    assert [{**row, "price": ""} for row in one] == [{**row, "price": ""} for row in other]


def test_traffic_adds_guests_and_bots_and_members_do_as_before(steady: Shop) -> None:
    other = drifted("traffic")

    def members(shop: Shop) -> SimulatedEvents:
        return shop.events.take(~shop.guests[shop.events.shopper])

    def guests(shop: Shop) -> int:
        return int((shop.guests & ~shop.bots)[after(shop.events).shopper].sum())

    assert 3 < guests(other) / guests(steady) < 5
    assert other.bots.sum() > steady.bots.sum()
    for part in ("shopper", "item", "kind", "time"):
        np.testing.assert_array_equal(getattr(members(other), part), getattr(members(steady), part))


def test_a_fault_in_tracking_loses_titles_categories_and_carts_and_nothing_else(steady: Shop, tmp_path: Path) -> None:
    other = drifted("tracking", 0.4)
    kinds = [np.bincount(after(shop.events).kind, minlength=4) for shop in (steady, other)]
    assert kinds[1][CART] / kinds[0][CART] == pytest.approx(0.6, abs=0.08)
    np.testing.assert_array_equal(np.delete(kinds[0], CART), np.delete(kinds[1], CART))
    told = Counter((row["title"] == "", row["category"] == "") for row in rows(other, tmp_path))
    assert set(told) == {(False, False), (True, True)}
    assert told[True, True] / told.total() == pytest.approx(0.4, abs=0.05)


def test_the_seasons_come_early_and_moments_stay(steady: Shop) -> None:
    other = drifted("season")
    summer, winter = (other.catalogue.categories[:20] == n for n in (0, 12))  # tents sell in June, fleeces in January
    assert categories(other)[summer] > categories(steady)[summer]
    assert categories(other)[winter] < categories(steady)[winter]
    assert same_moments(other, steady)
