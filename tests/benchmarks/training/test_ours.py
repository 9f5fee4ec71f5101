"""Batch size and targets of Freshet's training in the training benchmark."""

import numpy as np

from benchmarks.quality.files import pack_sequences
from benchmarks.quality.splits import leave_one_out
from benchmarks.training.ours import matching_params, prepare_training
from benchmarks.training.runs import ModelSizes

SIZES = ModelSizes(hidden_dim=16, n_layers=1, n_heads=2, max_history=6, batch_histories=2)


def six_shopper_split():
    """Each with eight events, of which six train."""
    owners = np.repeat([f"shopper {n}" for n in range(6)], 8)
    return leave_one_out(pack_sequences(owners, np.array([f"item {n * n % 9}" for n in range(48)]), None))


def test_a_batch_holds_as_many_events_as_so_many_histories():
    params = matching_params(SIZES, six_shopper_split(), 2, ["dropout=0.5"])
    assert params.steps_per_epoch == 3  # 36 events, 2 histories of 6 a batch
    assert (params.hidden_dim, params.n_layers, params.max_history, params.max_epochs) == (16, 1, 6, 2)
    assert params.dropout == 0.5  # an override


def test_the_targets_are_all_training_events_but_each_shopper_s_first():
    training = prepare_training(six_shopper_split(), SIZES, 1, ())
    assert training.n_interactions == 6 * 5
    assert sum(1 for _ in training.epoch_steps()) >= 1
