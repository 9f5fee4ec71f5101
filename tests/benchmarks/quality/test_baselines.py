import numpy as np

from benchmarks.quality.baselines import answer_all
from benchmarks.quality.files import packed
from benchmarks.quality.splits import DAY, leave_one_out, next_clicks


def test_what_was_seen_is_no_answer_where_the_protocol_says_so():
    users = np.repeat(["anna", "bob", "carl"], [4, 4, 3])
    split = leave_one_out(packed(users, np.array(list("abcd" + "abce" + "abd")), None))
    answers = {name: found.lists for name, found in answer_all(split)}
    # No times: nothing is of the last 7 days.
    assert list(answers) == ["popular", "item-to-item", "sequential rules", "V-SKNN"]
    ids = split.vocabulary.item_ids
    for lists in answers.values():
        assert set(ids[lists[0]]) == {"d", "e", ""}  # anna knows a, b and c


def test_the_last_seven_days_have_their_own_favourites():
    old = [("old", "a", n) for n in range(3)]
    new = [("new", "b", 10 * DAY), ("new", "c", 10 * DAY + 1)]
    owners, items, times = (np.array(x) for x in zip(*(old + new), strict=True))
    test = packed(np.array(["t", "t"]), np.array(["c", "b"]), np.array([11 * DAY, 11 * DAY + 1]))
    split = next_clicks(packed(owners, items, times), test)
    answers = {name: split.vocabulary.item_ids[found.lists[0, 0]] for name, found in answer_all(split)}
    assert answers["popular"] == "a"
    assert answers["popular 7 days"] == "b"
    assert answers["V-SKNN"] == "b" or answers["V-SKNN"] == "c"
