import math

import pytest
import torch

from freshet.model.losses import basket_cross_entropy, learning_rate_factor

# scores of PAD, item 1, item 2, item 3
SCORES = torch.tensor([[9.0, 0.0, 0.0, math.log(2)], [9.0, 0.0, 0.0, 0.0]])


def test_one_target_each_is_the_plain_cross_entropy():
    loss = basket_cross_entropy(SCORES, torch.tensor([3, 1]), torch.tensor([0, 1]))
    # softmax without PAD: 2/4 for item 3, then 1/3 for item 1
    assert loss.item() == pytest.approx((math.log(2) + math.log(3)) / 2)


def test_a_basket_spreads_its_weight_evenly():
    loss = basket_cross_entropy(SCORES[:1], torch.tensor([1, 3]), torch.tensor([0]))
    assert loss.item() == pytest.approx((math.log(4) + math.log(2)) / 2)


def test_a_large_basket_counts_as_much_as_a_small_one():
    loss = basket_cross_entropy(SCORES, torch.tensor([1, 3, 1]), torch.tensor([0, 2]))
    assert loss.item() == pytest.approx(((math.log(4) + math.log(2)) / 2 + math.log(3)) / 2)


def test_no_question_costs_nothing_and_has_a_gradient():
    scores = torch.zeros((0, 4), requires_grad=True)
    loss = basket_cross_entropy(scores, torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64))
    loss.backward()
    assert loss.item() == 0


def test_the_learning_rate_rises_then_falls_to_zero():
    factors = [learning_rate_factor(step, warm_up=2, steps=6) for step in range(8)]
    assert factors == [0.5, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0, 0.0]


def test_one_item_each_is_torchs_cross_entropy_without_the_column_of_padding():
    torch.manual_seed(0)
    scores, items = torch.randn(4, 6), torch.tensor([5, 1, 3, 1])
    expected = torch.nn.functional.cross_entropy(scores[:, 1:], items - 1)
    assert basket_cross_entropy(scores, items, torch.arange(4)).item() == pytest.approx(expected.item())


def test_padding_gets_no_gradient_for_it_is_no_answer():
    scores = torch.randn(2, 4, requires_grad=True)
    basket_cross_entropy(scores, torch.tensor([1, 3]), torch.tensor([0, 1])).backward()
    assert scores.grad[:, 0].tolist() == [0, 0]
