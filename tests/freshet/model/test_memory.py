import math

import pytest
import torch

from freshet.model.memory import Memory


def plain_memory() -> Memory:
    """Every event weighs 1, the scale is 2."""
    memory = Memory(4)
    for value in (memory.queries, memory.keys):
        torch.nn.init.zeros_(value.weight)
        torch.nn.init.zeros_(value.bias)
    return memory


def test_an_item_gains_the_log_of_how_often_it_was_met():
    items, known = torch.tensor([[7, 5, 7]]), torch.ones(1, 1, 3)
    added = plain_memory()(torch.zeros(1, 1, 4), torch.zeros(1, 3, 4), items, known)
    assert added.flatten().tolist() == pytest.approx([2 * math.log(3), 2 * math.log(2), 0])


def test_what_comes_later_is_not_known_yet():
    items, known = torch.tensor([[7, 5, 7]]), torch.tensor([[[1.0, 0, 0], [1, 1, 0]]])
    added = plain_memory()(torch.zeros(1, 2, 4), torch.zeros(1, 3, 4), items, known)
    once = 2 * math.log(2)
    assert added[0].flatten().tolist() == pytest.approx([once, 0, 0, once, once, 0])


def test_padding_adds_nothing():
    items, known = torch.tensor([[7, 0, 0]]), torch.tensor([[[1.0, 0, 0]]])
    added = plain_memory()(torch.zeros(1, 1, 4), torch.zeros(1, 3, 4), items, known)
    assert added.flatten().tolist() == pytest.approx([2 * math.log(2), 0, 0])
