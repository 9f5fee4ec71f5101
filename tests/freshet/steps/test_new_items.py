"""The newest items of a simulated shop's lake."""

import numpy as np
import pytest

from freshet.inference.new_items import NEW_ITEMS_FOLDER, open_new_items
from freshet.steps.new_items import _profile, load_new_items, make_new_items
from freshet.steps.step_result import run_gate
from tests.freshet.inference.test_new_items import NEW_ITEMS

pytestmark = pytest.mark.spark


def test_what_is_known_of_the_newest_items_lies_under_its_hash(small_shop):
    outcome = make_new_items(small_shop.settings, small_shop.store)
    folder = small_shop.store.local_path(f"{NEW_ITEMS_FOLDER}/{outcome.ref.id}")
    reloaded = open_new_items(folder, outcome.ref.id).items
    expected = load_new_items(small_shop.settings).items
    assert reloaded.item_ids.tolist() == expected.item_ids.tolist()
    assert reloaded.item_ids[0] == ""
    assert len(reloaded) > 10
    assert outcome.ref.as_of == small_shop.days[-1]
    assert np.isfinite(reloaded.prices[1:]).all()


def test_items_of_which_nothing_is_known_are_counted(small_shop):
    silent = NEW_ITEMS.__class__(
        *(np.array(column) for column in (["", "x"], ["", ""], ["", ""], [np.nan, 1.0], [False] * 2))
    )
    judgement = run_gate("new_items", _profile(silent, silent), small_shop.settings)
    assert [finding.rule.name for finding in judgement.results if not finding.passed] == ["items_are_described"]
