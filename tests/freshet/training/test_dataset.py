"""The targets of each event: the items of the shopper's next basket."""

from freshet.training.dataset import build_dataset
from tests.checkerboard import histories_of

PURCHASE, RETURN = 3, 4


def test_the_targets_of_an_event_are_the_items_of_the_next_basket():
    # baskets: {1, 2} at 0 s, {3} at 60 s; the last has no next
    dataset = build_dataset(histories_of([[(1, 0), (2, 0), (3, 60)]]))
    assert dataset.targets.tolist() == [1, 2, 3]
    assert dataset.target_ranges.tolist() == [[2, 3], [2, 3], [0, 0]]
    assert dataset.basket_end.tolist() == [False, True, True]


def test_the_next_basket_is_of_the_same_shopper():
    dataset = build_dataset(histories_of([[(1, 0)], [(2, 0), (3, 60)]]))
    assert dataset.target_ranges.tolist() == [[0, 0], [2, 3], [0, 0]]


def test_an_item_twice_in_a_basket_is_one_target():
    dataset = build_dataset(histories_of([[(1, 0), (2, 60), (2, 60)]]))
    assert dataset.targets.tolist() == [1, 2]
    assert dataset.target_ranges[0].tolist() == [1, 2]


def test_returns_are_no_targets_and_a_basket_of_returns_is_skipped():
    dataset = build_dataset(histories_of([[(1, 0), (1, 60), (2, 120)]], [[PURCHASE, RETURN, PURCHASE]]))
    assert dataset.targets.tolist() == [1, 2]
    assert dataset.target_ranges.tolist() == [[1, 2], [1, 2], [0, 0]]


def test_events_outside_the_vocabulary_are_left_out():
    dataset = build_dataset(histories_of([[(1, 0), (0, 60), (2, 120)]]))
    assert dataset.items.tolist() == [1, 2]
    assert dataset.target_ranges.tolist() == [[1, 2], [0, 0]]


def test_without_events_the_dataset_is_empty():
    assert len(build_dataset(histories_of([[]])).items) == 0
