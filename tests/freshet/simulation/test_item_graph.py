"""Links between items: cheaper, dearer, of the same brand."""

import numpy as np
import pytest

from freshet.simulation.catalogue import SimulatedCatalogue, generate_catalogue
from freshet.simulation.item_graph import CHEAPER, DEARER, SAME_BRAND, ItemGraph, choose_link_type, next_popular_slots
from freshet.simulation.params import ShopParams


@pytest.fixture(scope="module")
def shop_catalogue() -> SimulatedCatalogue:
    return generate_catalogue(ShopParams(items=240, days=2, catalogue_churn=0.0), np.random.default_rng(1))


def test_the_most_popular_of_the_next_three_items_is_viewed_in_a_cycle() -> None:
    group, order = np.zeros(5, np.int64), np.arange(5)
    weights = np.array([1.0, 2.0, 3.0, 9.0, 4.0])
    #                   next three of 0: 1, 2, 3, of 1: 2, 3, 4, of 2: 3, 4, 0, of 3: 4, 0, 1, of 4: 0, 1, 2
    np.testing.assert_array_equal(next_popular_slots(group, order, weights), [3, 3, 3, 4, 2])


def test_an_item_alone_in_its_group_leads_to_itself_and_never_two() -> None:
    np.testing.assert_array_equal(next_popular_slots(np.array([0, 1, 1]), np.arange(3), np.ones(3)), [0, 2, 1])


def test_links_stay_in_the_category_and_one_of_them_in_the_brand(shop_catalogue: SimulatedCatalogue) -> None:
    for following in (*shop_catalogue.item_graph.base_links, *shop_catalogue.item_graph.drifted_links):
        np.testing.assert_array_equal(shop_catalogue.categories[following], shop_catalogue.categories)
    np.testing.assert_array_equal(
        shop_catalogue.brands[shop_catalogue.item_graph.base_links[SAME_BRAND]], shop_catalogue.brands
    )


def test_most_links_lead_to_something_cheaper_or_dearer(shop_catalogue: SimulatedCatalogue) -> None:
    cheaper, dearer, _ = shop_catalogue.item_graph.base_links
    assert (shop_catalogue.prices[cheaper] < shop_catalogue.prices).mean() > 0.7  # three of a dozen go round the corner
    assert (shop_catalogue.prices[dearer] > shop_catalogue.prices).mean() > 0.7


def test_each_price_band_holds_a_third_of_every_category_the_cheapest_first(shop_catalogue: SimulatedCatalogue) -> None:
    for category in range(20):
        bands, prices = (
            part[shop_catalogue.categories == category]
            for part in (shop_catalogue.item_graph.price_bands, shop_catalogue.prices)
        )
        np.testing.assert_array_equal(np.bincount(bands), [4, 4, 4])
        assert prices[bands == 0].max() < prices[bands == 1].min() < prices[bands == 2].min()


@pytest.mark.parametrize(
    ("last", "previous", "budget", "comparing", "row"),
    [
        (2, 1, 0, True, CHEAPER),  # dear, for a shopper who buys cheap, regardless of the item before
        (0, 1, 2, True, DEARER),  # cheap, for a shopper who buys dear
        (1, 0, 1, True, DEARER),  # what they want to pay: on in the direction of the last two
        (1, 2, 1, True, CHEAPER),
        (1, 2, 1, False, SAME_BRAND),  # the view before was at something else
    ],
)
def test_a_comparison_goes_on_by_budget_and_by_the_last_two_views(
    last: int, previous: int, budget: int, comparing: bool, row: int
) -> None:
    three_items = ItemGraph(
        np.zeros((3, 3), np.int64), np.zeros((3, 3), np.int64), np.zeros(3), price_bands=np.arange(3)
    )
    prices = np.array([10.0, 20.0, 30.0])
    now = (np.array([last]), np.array([previous]), np.array([budget]), np.array([comparing]))
    assert choose_link_type(three_items, prices, *now).tolist() == [row]


def test_changed_links_lead_elsewhere(shop_catalogue: SimulatedCatalogue) -> None:
    differs = (
        shop_catalogue.item_graph.base_links != shop_catalogue.item_graph.drifted_links
    )  # but in a brand, which has two items in a category
    assert differs[[CHEAPER, DEARER]].mean() > 0.6
