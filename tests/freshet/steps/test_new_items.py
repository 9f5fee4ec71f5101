"""The newest items of a simulated shop's lake."""

import numpy as np
import pytest

from freshet.inference.new_items import NEW_ITEMS_FOLDER, open_new_items
from freshet.steps.new_items import make_new_items, profile_new_items, select_new_items
from freshet.steps.step_result import run_gate
from tests.freshet.inference.test_new_items import NEW_ITEMS

pytestmark = pytest.mark.spark


def test_the_newest_items_are_stored_under_their_hash(small_shop):
    result = make_new_items(small_shop.settings, small_shop.store)
    folder = small_shop.store.local_path(f"{NEW_ITEMS_FOLDER}/{result.ref.id}")
    reloaded = open_new_items(folder, result.ref.id).items
    expected = select_new_items(small_shop.settings).items
    assert reloaded.item_ids.tolist() == expected.item_ids.tolist()
    assert reloaded.item_ids[0] == ""
    assert len(reloaded) > 10
    assert result.ref.as_of == small_shop.days[-1]
    assert np.isfinite(reloaded.prices[1:]).all()


def test_items_without_content_fail_the_gate(small_shop):
    undescribed = NEW_ITEMS.__class__(
        *(np.array(column) for column in (["", "x"], ["", ""], ["", ""], [np.nan, 1.0], [False] * 2))
    )
    gate = run_gate("new_items", profile_new_items(undescribed, undescribed), small_shop.settings)
    assert [rule_result.rule.name for rule_result in gate.results if not rule_result.passed] == ["items_are_described"]
