"""Validation of the simulated shop's parameters."""

import pytest

from freshet.errors import SettingsError
from freshet.simulation.params import Drift, ShopParams


def test_a_kind_of_drift_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SettingsError) as exc_info:
        Drift("tastes", day=3)
    assert str(exc_info.value) == (
        "drift: unknown kind 'tastes'; use one of taste, habit, catalogue, prices, traffic, tracking, season"
    )


def test_a_strength_that_is_no_share_is_refused() -> None:
    with pytest.raises(SettingsError) as exc_info:
        Drift("habit", day=3, strength=1.5)
    assert str(exc_info.value) == "drift habit: strength 1.5; give a share between 0 and 1"


def test_a_day_before_the_first_is_refused() -> None:
    with pytest.raises(SettingsError) as exc_info:
        Drift("prices", day=-1)
    assert str(exc_info.value) == "drift prices: day -1; days are counted from 0"


def test_fewer_items_than_categories_are_refused() -> None:
    with pytest.raises(SettingsError) as exc_info:
        ShopParams(items=3)
    assert str(exc_info.value) == (
        "shop: 2000 shoppers, 28 days, 3 items in 20 categories; "
        "use at least one shopper, one day, and one item in every category"
    )


def test_more_categories_than_there_are_names_for_are_refused() -> None:
    with pytest.raises(SettingsError) as exc_info:
        ShopParams(categories=21)
    assert str(exc_info.value) == "shop: 21 categories; choose 1 to 20"


def test_the_strongest_drift_that_has_begun_counts() -> None:
    params = ShopParams(drifts=(Drift("taste", 5, 0.3), Drift("taste", 8, 0.7), Drift("habit", 2)))
    assert [params.drift_strength("taste", day) for day in (4, 5, 8)] == [0.0, 0.3, 0.7]
    assert params.drift_strength("habit", 4) == 1.0
