"""The losses and the learning rate, worked out by hand."""

import math

import pytest
import torch

from freshet.training import losses
from freshet.training.losses import (
    SoftTargets,
    SparseScoreDelta,
    basket_cross_entropy,
    catalogue_cross_entropy,
)

# scores of PAD, item 1, item 2, item 3
NO_INDICES = torch.zeros(0, dtype=torch.int64)
SCORES = torch.tensor([[9.0, 0.0, 0.0, math.log(2)], [9.0, 0.0, 0.0, 0.0]])


def test_one_target_each_is_the_plain_cross_entropy():
    loss = basket_cross_entropy(SCORES, SoftTargets(torch.tensor([3, 1]), torch.tensor([0, 1])))
    # softmax without PAD: 2/4 for item 3, then 1/3 for item 1
    assert loss.item() == pytest.approx((math.log(2) + math.log(3)) / 2)


def test_a_basket_spreads_its_weight_evenly():
    loss = basket_cross_entropy(SCORES[:1], SoftTargets(torch.tensor([1, 3]), torch.tensor([0])))
    assert loss.item() == pytest.approx((math.log(4) + math.log(2)) / 2)


def test_a_large_basket_counts_as_much_as_a_small_one():
    loss = basket_cross_entropy(SCORES, SoftTargets(torch.tensor([1, 3, 1]), torch.tensor([0, 2])))
    assert loss.item() == pytest.approx(((math.log(4) + math.log(2)) / 2 + math.log(3)) / 2)


def test_a_batch_without_targets_has_zero_loss_and_a_gradient():
    scores = torch.zeros((0, 4), requires_grad=True)
    loss = basket_cross_entropy(
        scores, SoftTargets(torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64))
    )
    loss.backward()
    assert loss.item() == 0


def test_one_item_each_is_torchs_cross_entropy_without_the_column_of_padding():
    torch.manual_seed(0)
    scores, items = torch.randn(4, 6), torch.tensor([5, 1, 3, 1])
    expected = torch.nn.functional.cross_entropy(scores[:, 1:], items - 1)
    assert basket_cross_entropy(scores, SoftTargets(items, torch.arange(4))).item() == pytest.approx(expected.item())


def test_padding_gets_no_gradient_for_it_is_no_answer():
    scores = torch.randn(2, 4, requires_grad=True)
    basket_cross_entropy(scores, SoftTargets(torch.tensor([1, 3]), torch.tensor([0, 1]))).backward()
    assert scores.grad[:, 0].tolist() == [0, 0]


def loss_inputs(dtype=torch.float64):
    """Embeddings of 5 queries and 7 items, their targets, and score deltas: two of query 1, one of query 3."""
    torch.manual_seed(0)
    soft_targets = SoftTargets(torch.tensor([3, 1, 2, 6, 5, 4]), torch.tensor([0, 1, 3, 4, 5]))
    places = torch.tensor([1, 1, 3]), torch.tensor([2, 2, 5])
    return [torch.randn(shape, dtype=dtype) for shape in ((5, 4), (8, 4), (8,), (3,))], soft_targets, places


def reference_loss(vectors, table, biases, values, soft_targets, places):
    return basket_cross_entropy((vectors @ table.T + biases).index_put(places, values, accumulate=True), soft_targets)


@pytest.mark.parametrize("n_queries", [1, 2, 5])
def test_the_chunked_loss_has_the_value_and_gradients_of_the_plain_loss(monkeypatch, n_queries):
    monkeypatch.setattr(losses, "MAX_CHUNK_SCORES_CPU", 8 * n_queries)
    monkeypatch.setattr(losses, "MIN_CHUNK_QUERIES", 1)
    inputs, soft_targets, places = loss_inputs(torch.float32)
    plain = [x.clone().requires_grad_() for x in inputs]
    parts = [x.clone().requires_grad_() for x in inputs]
    expected = reference_loss(*plain, soft_targets, places)
    loss = catalogue_cross_entropy(*parts[:3], soft_targets, SparseScoreDelta(*places, parts[3]))
    expected.backward()
    loss.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    for part, expected_part in zip(parts, plain, strict=True):
        assert torch.allclose(part.grad, expected_part.grad, atol=1e-6)


def test_in_bfloat16_the_loss_is_the_same_within_its_rounding():
    inputs, soft_targets, places = loss_inputs(torch.float32)
    loss = catalogue_cross_entropy(*inputs[:3], soft_targets, SparseScoreDelta(*places, inputs[3]), torch.bfloat16)
    assert loss.item() == pytest.approx(reference_loss(*inputs, soft_targets, places).item(), rel=1e-2)


def test_without_queries_the_chunked_loss_is_zero_and_has_a_gradient():
    inputs, _, _ = loss_inputs()
    vectors = inputs[0][:0].requires_grad_()
    no_targets = SoftTargets(NO_INDICES, NO_INDICES), SparseScoreDelta(NO_INDICES, NO_INDICES, inputs[3][:0])
    loss = catalogue_cross_entropy(vectors, *inputs[1:3], *no_targets)
    loss.backward()
    assert loss.item() == 0


def test_a_chunk_holds_at_most_the_allowed_number_of_scores():
    n_rows = losses.chunk_size(100_000, torch.device("cpu"))
    assert n_rows * 100_000 <= losses.MAX_CHUNK_SCORES_CPU < (n_rows + 1) * 100_000
    assert losses.chunk_size(1_000_001, torch.device("cpu")) == losses.MIN_CHUNK_QUERIES
