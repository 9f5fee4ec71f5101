"""Train, validation and test splits of public data."""

import numpy as np
import pytest

from benchmarks.quality.files import pack_sequences
from benchmarks.quality.splits import DAY_SECONDS, leave_one_out, next_click_split
from freshet.errors import FreshetError


def shopper_sequences(**items):
    owners = [name for name, item_names in items.items() for _ in item_names]
    return pack_sequences(np.array(owners), np.array([i for listed in items.values() for i in listed]), None)


def session_sequences(*clicks):
    owners, items, times = zip(*clicks, strict=True)
    return pack_sequences(np.array(owners), np.array(items), np.array(times))


def history_and_target(cases, vocabulary):
    """[(items of the history, target)] of every case."""
    input_histories = cases.input_histories(100)
    ids = vocabulary.item_ids
    histories = np.split(ids[input_histories.items], input_histories.offsets[1:-1])
    return [(list(h), str(ids[t])) for h, t in zip(histories, cases.targets, strict=True)]


def test_last_is_test_the_one_before_validation_the_rest_training():
    split = leave_one_out(shopper_sequences(anna="abcd", bob="cb"))
    ids = split.vocabulary.item_ids
    assert ids[split.train.items].tolist() == ["a", "b", "c", "b"]  # of bob, who has two events, all of them
    assert history_and_target(split.validation, split.vocabulary) == [(["a", "b"], "c")]
    assert history_and_target(split.test, split.vocabulary) == [(["a", "b", "c"], "d")]
    assert split.exclude_seen
    assert split.counts == {
        "shoppers": 2, "items": 4, "interactions": 6, "training": 4, "validation": 1, "test": 1
    }  # fmt: skip
    assert split.notes == ("1 shoppers with fewer than 3 events: all of them training only",)


def test_without_times_events_are_a_day_apart():
    split = leave_one_out(shopper_sequences(anna="abcd", bob="cba"))
    assert set(np.diff(split.test.histories.times[:4])) == {DAY_SECONDS}


def test_no_shopper_with_three_events_is_an_error():
    with pytest.raises(FreshetError) as error:
        leave_one_out(shopper_sequences(anna="ab", bob="c"))
    assert str(error.value) == (
        "interactions: none of 2 shoppers has 3 events (the most is 2); "
        "give histories: training, validation and test need one event each"
    )


TRAIN_CLICKS = (
    ("1", "a", 0),
    ("1", "b", 10),
    ("2", "b", 3 * DAY_SECONDS),
    ("2", "a", 3 * DAY_SECONDS + 5),
    ("3", "c", 2 * DAY_SECONDS + 6),
)
TEST_CLICKS = (
    ("8", "b", 4 * DAY_SECONDS),
    ("8", "new", 4 * DAY_SECONDS + 1),
    ("8", "a", 4 * DAY_SECONDS + 2),
    ("8", "a", 4 * DAY_SECONDS + 3),
    ("9", "new", 9),
)


def test_every_click_but_the_first_is_a_target_and_unknown_items_are_dropped():
    split = next_click_split(session_sequences(*TRAIN_CLICKS), session_sequences(*TEST_CLICKS))
    assert history_and_target(split.test, split.vocabulary) == [(["b"], "a"), (["b", "a"], "a")]
    assert not split.exclude_seen
    assert split.counts["test_clicks"] == 5
    assert split.notes[0] == "2 test clicks on items unknown in training: left out"


def test_sessions_that_end_on_the_last_day_are_the_validation():
    split = next_click_split(session_sequences(*TRAIN_CLICKS), session_sequences(*TEST_CLICKS))
    ids = split.vocabulary.item_ids
    assert history_and_target(split.validation, split.vocabulary) == [(["b"], "a")]
    assert ids[split.train.items].tolist() == ["a", "b"]  # session 3 ends one second within the last day
    assert ids[split.full_train.items].tolist() == ["a", "b", "b", "a", "c"]


def test_a_test_set_without_a_known_item_is_an_error():
    with pytest.raises(FreshetError) as error:
        next_click_split(session_sequences(*TRAIN_CLICKS), session_sequences(("9", "new", 5), ("9", "newer", 6)))
    assert str(error.value) == ("test sessions: no events are left; give more days, or sessions with two known items")
