"""Dropout with masks of a given generator."""

import numpy as np
import pytest
import torch

from freshet.model.dropout import Dropout, dropout_generator


def dropout_output(share: float, seed: int = 1) -> torch.Tensor:
    with dropout_generator(np.random.default_rng(seed)):
        return Dropout(share).train()(torch.ones(400, 500))


@pytest.mark.parametrize("share", [0.001, 0.14, 0.5, 0.999])
def test_about_that_share_becomes_zero_and_the_mean_stays(share):
    output = dropout_output(share)
    level = min(max(round(256 * share), 1), 255) / 256
    assert (output == 0).float().mean().item() == pytest.approx(level, abs=0.005)
    assert output.mean().item() == pytest.approx(1, abs=0.05)


def test_the_same_generator_gives_the_same_mask():
    assert torch.equal(dropout_output(0.3), dropout_output(0.3))
    assert not torch.equal(dropout_output(0.3), dropout_output(0.3, seed=2))


def test_gradients_pass_where_numbers_pass():
    x = torch.ones(8, 8, requires_grad=True)
    with dropout_generator(np.random.default_rng(1)):
        y = Dropout(0.5).train()(x)
    y.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, y.detach())


def test_without_a_generator_torch_draws_the_mask():
    torch.manual_seed(1)
    output = Dropout(0.5).train()(torch.ones(1000))
    torch.manual_seed(1)
    assert torch.equal(output, torch.nn.functional.dropout(torch.ones(1000), 0.5))


@pytest.mark.parametrize("layer", [Dropout(0.5).eval(), Dropout(0.0).train()])
def test_no_value_is_dropped_outside_training_or_with_a_share_of_zero(layer):
    assert layer(torch.ones(5)).tolist() == [1.0] * 5
