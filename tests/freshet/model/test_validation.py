import math

import pytest
import torch

from freshet.model.lesson import lesson
from freshet.model.params import TrainParams
from freshet.model.training import train
from freshet.model.validation import lists_of, ndcg, ndcg_of
from tests.checkerboard import checkerboard


def test_ndcg_by_hand():
    top = torch.tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    targets, offsets = torch.tensor([2, 4, 6, 1]), torch.tensor([0, 1, 3, 4])
    # case 0: its only target at place 2; case 1: both targets, at places 1 and 3; case 2: none
    second = 1 / math.log2(3)
    assert ndcg_of(top, targets, offsets).tolist() == pytest.approx([second, 1.5 / (1 + second), 0])


def test_an_unknown_target_is_a_miss_that_counts():
    top, targets = torch.tensor([[1, 2]]), torch.tensor([0, 1])
    assert ndcg_of(top, targets, torch.tensor([0, 2])).item() == pytest.approx(1 / (1 + 1 / math.log2(3)))


PARAMS = TrainParams(length=6, width=16, vector=8, heads=2, blocks=1, dropout=0.0, max_epochs=1)


def test_padding_is_never_an_answer():
    trained = train(checkerboard(), PARAMS, "cpu")
    held_out = lesson(checkerboard(), PARAMS).held_out
    before = ndcg(trained.model, held_out, PARAMS.length)
    with torch.no_grad():
        trained.model.items.ids.weight[0, -1] = 100.0  # would come first everywhere
    assert ndcg(trained.model, held_out, PARAMS.length) == before


def test_what_was_seen_is_in_no_list_where_the_protocol_says_so():
    trained = train(checkerboard(), PARAMS, "cpu")
    held_out = lesson(checkerboard(), PARAMS).held_out
    items = len(checkerboard().vocabulary)
    every = lists_of(trained.model, held_out, PARAMS.length, k=items + 2)
    unseen = lists_of(trained.model, held_out, PARAMS.length, exclude_seen=True, k=items + 2)
    known = held_out.known(10**6)
    for case in range(len(held_out)):
        seen = set(known.items[known.offsets[case] : known.offsets[case + 1]].tolist())
        assert set(every[case].tolist()) == {0, *range(1, items + 1)}
        assert set(unseen[case].tolist()) == {0, *range(1, items + 1)} - seen
