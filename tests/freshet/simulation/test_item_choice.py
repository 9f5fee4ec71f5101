"""The choice of an item within its category, brand and price band."""

import numpy as np
import pytest

from freshet.simulation.exposure import P_CONTINUE, RELATED_LIST_SIZE, build_related_lists, clicked_slots
from freshet.simulation.item_choice import group_by_category, group_by_niche, niche_index

ITEM_CATEGORIES = np.array([0, 0, 0, 1, 1])
ITEM_BRANDS, ITEM_PRICE_BANDS = np.array([0, 0, 1, 3, 3]), np.array([0, 0, 2, 1, 2])
ITEM_WEIGHTS = np.array([0.1, 0.4, 0.2, 0.2, 0.1])


def picked_item(groups, group: int, draw: float) -> int:
    return int(groups.pick(np.array([group]), np.array([draw]))[0])


def test_a_page_shows_the_most_popular_items_of_a_category_first() -> None:
    page = group_by_category(ITEM_CATEGORIES, ITEM_WEIGHTS)
    assert [picked_item(page, 0, draw) for draw in (0.0, 0.7, 0.999)] == [1, 2, 0]
    assert [picked_item(page, 1, draw) for draw in (0.0, 0.999)] == [3, 4]


def test_the_top_of_a_page_is_viewed_far_more_often() -> None:
    page = group_by_category(np.zeros(100, np.int64), np.arange(100, 0, -1))
    views = page.pick(np.zeros(20_000, np.int64), np.random.default_rng(0).random(20_000))
    assert (views < 10).mean() == pytest.approx(0.1 ** (1 / 2.2), abs=0.02)  # 0.35
    assert (views >= 50).mean() < 0.3


def test_a_niche_holds_a_brands_items_of_a_price_band() -> None:
    groups = group_by_niche(ITEM_CATEGORIES, ITEM_BRANDS, ITEM_PRICE_BANDS, ITEM_WEIGHTS)
    group = int(niche_index(np.array(0), np.array(0), np.array(0)))
    assert [picked_item(groups, group, draw) for draw in (0.0, 0.999)] == [1, 0]


@pytest.mark.parametrize(
    ("category", "brand", "band", "items"),
    [
        (0, 0, 2, {0, 1}),  # the brand has no dear items: its cheap ones
        (0, 1, 0, {2}),  # the brand's only one
        (1, 0, 2, {4}),  # the next brand that has something, at the nearest price
        (1, 0, 0, {3}),
    ],
)
def test_an_empty_niche_is_filled_by_the_nearest_price_else_by_another_brand(
    category: int, brand: int, band: int, items: set[int]
) -> None:
    groups = group_by_niche(ITEM_CATEGORIES, ITEM_BRANDS, ITEM_PRICE_BANDS, ITEM_WEIGHTS)
    group = int(niche_index(np.array(category), np.array(brand), np.array(band)))
    assert {picked_item(groups, group, draw) for draw in (0.0, 0.5, 0.999)} == items


def test_an_old_list_shows_items_of_the_same_category_and_is_clicked_at_its_top() -> None:
    category = np.repeat(np.arange(4), 10)
    lists = build_related_lists(category, group_by_category(category, np.ones(40)), np.random.default_rng(0))
    assert lists.shape == (40, RELATED_LIST_SIZE)
    np.testing.assert_array_equal(category[lists], np.tile(category[:, None], RELATED_LIST_SIZE))
    related_list = np.arange(RELATED_LIST_SIZE)[None, :]
    slots = clicked_slots(related_list, np.zeros(20_000, np.int64), np.random.default_rng(1).random(20_000))
    shares = np.bincount(slots, minlength=RELATED_LIST_SIZE) / 20_000
    np.testing.assert_allclose(shares[:4], (1 - P_CONTINUE) * P_CONTINUE ** np.arange(4), atol=0.02)
