import numpy as np
import pytest

from freshet.simulation.catalogue import Catalogue, catalogue
from freshet.simulation.params import ShopParams
from freshet.simulation.paths import _on


@pytest.fixture(scope="module")
def goods() -> Catalogue:
    return catalogue(ShopParams(items=240, days=2, turnover=0.0), np.random.default_rng(1))


def test_the_best_known_of_the_next_five_is_looked_at_round_and_round() -> None:
    group, order = np.zeros(7, np.int64), np.arange(7)
    weights = np.array([1.0, 2.0, 3.0, 9.0, 4.0, 5.0, 6.0])
    #                   next five of 0: 1…5, of 1: 2…6, of 3: 4, 5, 6, 0, 1, of 6: 0…4
    np.testing.assert_array_equal(_on(group, order, weights), [3, 3, 3, 6, 6, 3, 3])


def test_an_item_alone_in_its_group_leads_to_itself_and_never_two() -> None:
    np.testing.assert_array_equal(_on(np.array([0, 1, 1]), np.arange(3), np.ones(3)), [0, 2, 1])


def test_alternatives_stay_in_the_category_or_in_the_brand(goods: Catalogue) -> None:
    cheaper, dearer, same_brand = goods.alternatives
    np.testing.assert_array_equal(goods.categories[cheaper], goods.categories)
    np.testing.assert_array_equal(goods.categories[dearer], goods.categories)
    np.testing.assert_array_equal(goods.brands[same_brand], goods.brands)


def test_most_go_on_to_something_cheaper_or_dearer(goods: Catalogue) -> None:
    cheaper, dearer, _ = goods.alternatives
    assert (goods.prices[cheaper] < goods.prices).mean() > 0.5  # five of a dozen go round the corner
    assert (goods.prices[dearer] > goods.prices).mean() > 0.5


def test_an_accessory_is_found_in_the_next_category(goods: Catalogue) -> None:
    np.testing.assert_array_equal(goods.categories[goods.accessories], (goods.categories + 1) % 20)


def test_changed_paths_lead_elsewhere_within_the_same_category(goods: Catalogue) -> None:
    usual, changed = goods.paths.usual, goods.paths.changed
    assert (usual != changed).mean() > 0.6
    np.testing.assert_array_equal(goods.categories[changed[:2]], goods.categories[usual[:2]])
    np.testing.assert_array_equal(goods.categories[changed[3]], (goods.categories + 7) % 20)
