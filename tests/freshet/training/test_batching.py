"""Windows of histories and their batches."""

import numpy as np

from freshet.training.batching import batches, events_per_batch, pack, sample_windows
from freshet.training.dataset import build_dataset
from tests.checkerboard import histories_of


def test_windows_cover_every_event_once_and_none_is_too_long():
    rng = np.random.default_rng(0)
    lengths = np.array([0, 1, 5, 12, 23])
    for _ in range(50):
        event_windows = sample_windows(lengths, 5, rng)
        covered = [(int(s), int(e)) for s, start, count in event_windows for e in range(start, start + count)]
        assert sorted(covered) == [(s, e) for s, n in enumerate(lengths) for e in range(n)]
        assert event_windows[:, 2].min() >= 1
        assert event_windows[:, 2].max() <= 5


def test_a_history_that_fits_is_one_window():
    assert sample_windows(np.array([3, 5]), 5, np.random.default_rng(0)).tolist() == [[0, 0, 3], [1, 0, 5]]


def test_a_long_history_is_not_always_cut_at_the_same_place():
    rng = np.random.default_rng(0)
    assert len({tuple(sample_windows(np.array([12]), 5, rng)[:, 2].tolist()) for _ in range(20)}) > 1


def test_packed_windows_are_adjacent_by_length():
    dataset = build_dataset(histories_of([[(1, 0), (2, 60)], [(3, 0)], [(4, 0), (5, 60)]]))
    batch = pack(dataset, np.array([[1, 0, 1], [0, 0, 2], [2, 0, 2]]), 0.0, np.random.default_rng(0))
    assert batch.items.tolist() == [3, 1, 2, 4, 5]
    assert batch.positions.tolist() == [0, 0, 1, 0, 1]
    assert batch.groups == ((1, 1), (2, 2))
    assert batch.targets.rows.tolist() == [1, 3]
    assert batch.targets.items.tolist() == [2, 5]
    assert batch.targets.starts.tolist() == [0, 1]


def test_the_first_event_of_a_window_has_no_gap_as_in_serving():
    dataset = build_dataset(histories_of([[(1, 0), (2, 1), (3, 4)]]))
    batch = pack(dataset, np.array([[0, 1, 2]]), 0.0, np.random.default_rng(0))
    assert dataset.gaps.tolist() == [0, 2, 3]
    assert batch.gaps.tolist() == [0, 3]


def test_inside_a_basket_only_a_share_of_the_events_are_queries():
    dataset = build_dataset(histories_of([[(1, 0), (2, 0), (3, 0), (4, 60)]]))
    piece = np.array([[0, 0, 4]])
    assert pack(dataset, piece, 0.0, np.random.default_rng(0)).targets.rows.tolist() == [2]
    assert pack(dataset, piece, 1.0, np.random.default_rng(0)).targets.rows.tolist() == [0, 1, 2]


def test_an_epoch_contains_every_event_once():
    dataset = build_dataset(histories_of([[(s + 1, 60 * t) for t in range(1 + s % 7)] for s in range(50)]))
    epoch_batches = list(batches(dataset, 4, 16, 0.0, np.random.default_rng(0)))
    assert sorted(x for b in epoch_batches for x in b.items.tolist()) == sorted(dataset.items.tolist())
    assert len(epoch_batches) > 5


def test_a_batch_grows_with_the_shop_within_limits():
    assert events_per_batch(100, 100, 8192) == 64
    assert events_per_batch(500_000, 100, 8192) == 5000
    assert events_per_batch(10**9, 100, 8192) == 8192
