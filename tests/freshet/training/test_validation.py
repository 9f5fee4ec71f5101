"""Validation NDCG, worked out by hand."""

import math

import pytest
import torch

from freshet.model.params import TrainParams
from freshet.training.split import split_training_set
from freshet.training.trainer import train
from freshet.training.validation import mean_ndcg, ndcg_per_case, top_k_lists
from tests.checkerboard import checkerboard_set


def test_ndcg_by_hand():
    top = torch.tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    targets, offsets = torch.tensor([2, 4, 6, 1]), torch.tensor([0, 1, 3, 4])
    # case 0: its only target at place 2; case 1: both targets, at places 1 and 3; case 2: none
    second_gain = 1 / math.log2(3)
    assert ndcg_per_case(top, targets, offsets).tolist() == pytest.approx([second_gain, 1.5 / (1 + second_gain), 0])


def test_an_unknown_target_is_a_miss_that_counts():
    top, targets = torch.tensor([[1, 2]]), torch.tensor([0, 1])
    assert ndcg_per_case(top, targets, torch.tensor([0, 2])).item() == pytest.approx(1 / (1 + 1 / math.log2(3)))


PARAMS = TrainParams(max_history=6, hidden_dim=16, embedding_dim=8, n_heads=2, n_layers=1, dropout=0.0, max_epochs=1)


def test_padding_is_never_ranked():
    training_result = train(checkerboard_set(), PARAMS, "cpu")
    held_out = split_training_set(checkerboard_set(), PARAMS).validation_cases
    before = mean_ndcg(training_result.model, held_out, PARAMS.max_history)
    with torch.no_grad():
        training_result.model.item_encoder.ids.weight[0, -1] = 100.0  # would come first everywhere
    assert mean_ndcg(training_result.model, held_out, PARAMS.max_history) == before


def test_exclude_seen_leaves_out_the_items_of_the_history():
    training_result = train(checkerboard_set(), PARAMS, "cpu")
    held_out = split_training_set(checkerboard_set(), PARAMS).validation_cases
    items = len(checkerboard_set().vocabulary)
    all_lists = top_k_lists(training_result.model, held_out, PARAMS.max_history, k=items + 2)
    unseen = top_k_lists(training_result.model, held_out, PARAMS.max_history, exclude_seen=True, k=items + 2)
    histories = held_out.input_histories(10**6)
    for case in range(len(held_out)):
        history_items = set(histories.items[histories.offsets[case] : histories.offsets[case + 1]].tolist())
        assert set(all_lists[case].tolist()) == {0, *range(1, items + 1)}
        assert set(unseen[case].tolist()) == {0, *range(1, items + 1)} - history_items
