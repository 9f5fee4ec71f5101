"""Baseline lists of the quality benchmark: seen items and recent popularity."""

import numpy as np

from benchmarks.quality.baselines import rank_all_baselines
from benchmarks.quality.files import pack_sequences
from benchmarks.quality.splits import DAY_SECONDS, leave_one_out, next_click_split


def test_seen_items_are_excluded_if_the_protocol_excludes_them():
    users = np.repeat(["anna", "bob", "carl"], [4, 4, 3])
    split = leave_one_out(pack_sequences(users, np.array(list("abcd" + "abce" + "abd")), None))
    lists = {name: result.lists for name, result in rank_all_baselines(split)}
    # Without times there is no popularity of the last 7 days.
    assert list(lists) == ["popular", "item-to-item", "sequential rules", "V-SKNN"]
    ids = split.vocabulary.item_ids
    for ranked in lists.values():
        assert set(ids[ranked[0]]) == {"d", "e", ""}  # anna's history is a, b and c


def test_popularity_of_the_last_seven_days_has_its_own_list():
    old = [("old", "a", n) for n in range(3)]
    new = [("new", "b", 10 * DAY_SECONDS), ("new", "c", 10 * DAY_SECONDS + 1)]
    owners, items, times = (np.array(x) for x in zip(*(old + new), strict=True))
    test = pack_sequences(
        np.array(["t", "t"]), np.array(["c", "b"]), np.array([11 * DAY_SECONDS, 11 * DAY_SECONDS + 1])
    )
    split = next_click_split(pack_sequences(owners, items, times), test)
    lists = {name: split.vocabulary.item_ids[result.lists[0, 0]] for name, result in rank_all_baselines(split)}
    assert lists["popular"] == "a"
    assert lists["popular 7 days"] == "b"
    assert lists["V-SKNN"] == "b" or lists["V-SKNN"] == "c"
