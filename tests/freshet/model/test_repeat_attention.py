"""Repeat attention: the gain of items that the history has already."""

import math

import pytest
import torch

from freshet.model.repeat_attention import RepeatAttention


def repeat_attention() -> RepeatAttention:
    """Every event weighs 1, the scale is 2."""
    memory = RepeatAttention(4)
    for value in (memory.queries, memory.keys):
        torch.nn.init.zeros_(value.weight)
        torch.nn.init.zeros_(value.bias)
    return memory


def test_an_item_gains_the_log_of_its_event_count():
    items, mask = torch.tensor([[7, 5, 7]]), torch.ones(1, 1, 3)
    added_scores = repeat_attention()(torch.zeros(1, 1, 4), torch.zeros(1, 3, 4), items, mask)
    assert added_scores.flatten().tolist() == pytest.approx([2 * math.log(3), 2 * math.log(2), 0])


def test_later_events_do_not_count():
    items, mask = torch.tensor([[7, 5, 7]]), torch.tensor([[[1.0, 0, 0], [1, 1, 0]]])
    added_scores = repeat_attention()(torch.zeros(1, 2, 4), torch.zeros(1, 3, 4), items, mask)
    single_gain = 2 * math.log(2)
    assert added_scores[0].flatten().tolist() == pytest.approx([single_gain, 0, 0, single_gain, single_gain, 0])


def test_padding_adds_nothing():
    items, mask = torch.tensor([[7, 0, 0]]), torch.tensor([[[1.0, 0, 0]]])
    added_scores = repeat_attention()(torch.zeros(1, 1, 4), torch.zeros(1, 3, 4), items, mask)
    assert added_scores.flatten().tolist() == pytest.approx([2 * math.log(2), 0, 0])
