"""The simulated catalogue: titles, popularity, new and delisted items."""

import numpy as np
import pytest

from freshet.simulation.catalogue import SimulatedCatalogue, generate_catalogue
from freshet.simulation.params import Drift, ShopParams

STEADY_PARAMS = ShopParams(items=240, days=10, catalogue_churn=0.0)


@pytest.fixture(scope="module")
def shop_catalogue() -> SimulatedCatalogue:
    return generate_catalogue(STEADY_PARAMS, np.random.default_rng(1))


def changing_catalogue(**overrides: object) -> SimulatedCatalogue:
    return generate_catalogue(ShopParams(items=240, days=10, **overrides), np.random.default_rng(1))


def test_titles_name_brand_make_and_kind_and_are_unique(shop_catalogue: SimulatedCatalogue) -> None:
    assert shop_catalogue.titles[0] == "Norrland light tent"
    assert len(set(shop_catalogue.titles)) == 240


def test_a_few_items_are_far_more_popular_than_the_rest(shop_catalogue: SimulatedCatalogue) -> None:
    assert shop_catalogue.popularity.sum() == pytest.approx(1.0)
    assert np.sort(shop_catalogue.popularity)[::-1][:24].sum() > 0.3


def test_without_churn_everything_is_on_sale_always(shop_catalogue: SimulatedCatalogue) -> None:
    assert len(shop_catalogue) == 240
    assert set(shop_catalogue.first_days) == {0}
    assert set(shop_catalogue.last_days) == {10}


def test_a_new_item_takes_the_place_of_a_delisted_one() -> None:
    changed_catalogue = changing_catalogue(catalogue_churn=0.05)
    later = np.flatnonzero(changed_catalogue.first_days > 0)
    assert len(changed_catalogue) == 240 + len(later)
    assert len(later) > 50
    for item in later[:20]:
        before = changed_catalogue.on_sale[changed_catalogue.first_days[item] - 1, changed_catalogue.slots[item]]
        assert changed_catalogue.last_days[before] == changed_catalogue.first_days[item] - 1
        assert changed_catalogue.categories[before] == changed_catalogue.categories[item]
        assert changed_catalogue.item_ids[before] != changed_catalogue.item_ids[item]
        assert (
            changed_catalogue.titles[item].rpartition(" mark ")[0]
            == changed_catalogue.titles[before].partition(" mark ")[0]
        )


def test_exactly_as_many_items_are_on_sale_every_day() -> None:
    changed_catalogue = changing_catalogue(catalogue_churn=0.05)
    for day in range(11):
        on_sale_items = np.flatnonzero((changed_catalogue.first_days <= day) & (day <= changed_catalogue.last_days))
        np.testing.assert_array_equal(on_sale_items, np.sort(changed_catalogue.on_sale[day]))


def test_a_drift_of_the_catalogue_replaces_its_share_of_the_items_on_its_day() -> None:
    changed_catalogue = changing_catalogue(catalogue_churn=0.0, drifts=(Drift("catalogue", 4, 0.5),))
    assert set(changed_catalogue.first_days) == {0, 4}
    assert 0.4 < (changed_catalogue.first_days == 4).sum() / 240 < 0.6
    assert len(changing_catalogue(catalogue_churn=0.0, drifts=(Drift("catalogue", 4, 1.0),))) == 480
