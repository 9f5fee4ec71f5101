"""The newest items of a simulated shop's lake."""

import numpy as np
import pytest

from freshet.live.new_items import FOLDER, open_new_items
from freshet.stages.new_items import _profile, make_new_items, newest
from freshet.stages.outcome import judged
from tests.freshet.live.test_new_items import NEW

pytestmark = pytest.mark.spark


def test_what_is_known_of_the_newest_items_lies_under_its_hash(small_shop):
    outcome = make_new_items(small_shop.settings, small_shop.store)
    folder = small_shop.store.local_path(f"{FOLDER}/{outcome.ref.id}")
    back = open_new_items(folder, outcome.ref.id).items
    expected = newest(small_shop.settings).items
    assert back.item_ids.tolist() == expected.item_ids.tolist()
    assert back.item_ids[0] == ""
    assert len(back) > 10
    assert outcome.ref.as_of == small_shop.days[-1]
    assert np.isfinite(back.prices[1:]).all()


def test_items_of_which_nothing_is_known_are_counted(small_shop):
    silent = NEW.__class__(
        *(np.array(column) for column in (["", "x"], ["", ""], ["", ""], [np.nan, 1.0], [False] * 2))
    )
    judgement = judged("new_items", _profile(silent, silent), small_shop.settings)
    assert [finding.rule.name for finding in judgement.findings if not finding.holds] == ["items_are_described"]
