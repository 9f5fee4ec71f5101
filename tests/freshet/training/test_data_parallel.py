"""Data parallelism by threads: the gradients of one backward pass."""

import numpy as np
import pytest
import torch

from freshet.model.params import TrainParams
from freshet.model.transformer import Recommender
from freshet.training.batching import Batch, batches
from freshet.training.data_parallel import MIN_THREAD_ACTIVATIONS, StepThreads
from freshet.training.dataset import build_dataset
from freshet.training.initialisation import build_initial_model
from freshet.training.negative_sampling import NegativeSampler
from freshet.training.objective import split_by_member, step_loss
from tests.checkerboard import checkerboard_set

PARAMS = TrainParams(max_history=6, hidden_dim=8, embedding_dim=8, n_heads=2, n_layers=1, ensemble_size=2, dropout=0.0)
CPU = torch.device("cpu")


def model_and_batch(dropout: float = 0.0, width: int = 8, rows: int = 90) -> tuple[Recommender, Batch]:
    shop = checkerboard_set()
    dataset = build_dataset(shop.histories)
    model = build_initial_model(
        shop.vocabulary, dataset, PARAMS.model_copy(update={"dropout": dropout, "hidden_dim": width})
    )
    assert isinstance(model, Recommender)
    return model, next(batches(dataset, PARAMS.max_history, rows, 1.0, np.random.default_rng(1)))


def gradients(
    model: Recommender,
    batch: Batch,
    threads: int,
    seed: int = 0,
    sampler: NegativeSampler | None = None,
    bf16: bool = False,
) -> tuple[float, list[torch.Tensor]]:
    model.zero_grad()
    torch.manual_seed(7)  # of the sampled items
    loss = StepThreads(threads).backward(
        model, split_by_member(model, batch), sampler, len(batch.targets.rows), (seed,), bf16
    )
    return loss.item(), [p.grad.clone() for p in model.parameters() if p.grad is not None]


@pytest.mark.parametrize("threads", [1, 2, 3, 50])
def test_threads_give_the_gradients_of_one_backward_pass(threads):
    model, batch = model_and_batch()
    expected_loss = step_loss(model, batch)
    expected_loss.backward()
    expected_gradients = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    loss, thread_gradients = gradients(model, batch, threads)
    assert loss == pytest.approx(expected_loss.item(), abs=1e-6)
    assert len(thread_gradients) == len(expected_gradients)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(thread_gradients, expected_gradients, strict=True))


def test_threads_give_the_gradients_of_one_backward_pass_with_negative_sampling():
    model, batch = model_and_batch()
    sampler = NegativeSampler(torch.ones(model.config.n_items + 1), len(batch.items), 3)
    torch.manual_seed(7)
    step_loss(model, batch, sampler=sampler).backward()
    expected_gradients = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    _, thread_gradients = gradients(model, batch, 2, sampler=sampler)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(thread_gradients, expected_gradients, strict=True))


def test_dropout_depends_on_the_seed_and_not_on_which_thread_is_first():
    model, batch = model_and_batch(dropout=0.3)
    runs = [gradients(model, batch, 3, seed=4) for _ in range(5)]
    assert all(
        torch.equal(a, b) for _, run_gradients in runs[1:] for a, b in zip(run_gradients, runs[0][1], strict=True)
    )
    assert gradients(model, batch, 3, seed=5)[0] != runs[0][0]


@pytest.mark.parametrize("threads", [2, 4])
def test_rounded_gradients_do_not_depend_on_which_thread_is_first(threads):
    model, batch = model_and_batch(dropout=0.3, width=64, rows=400)
    assert len(batch.groups) > 1  # a weight is rounded again for each of them
    runs = [gradients(model, batch, threads, seed=4, bf16=True)[1] for _ in range(40)]
    assert all(torch.equal(a, b) for run_gradients in runs[1:] for a, b in zip(run_gradients, runs[0], strict=True))


def test_a_gpu_takes_one_thread_and_a_cpu_one_a_core_up_to_four():
    assert StepThreads.for_device(torch.device("cuda"), 16, MIN_THREAD_ACTIVATIONS).count == 1
    assert [StepThreads.for_device(CPU, cores, MIN_THREAD_ACTIVATIONS) for cores in (1, 2, 16)] == [
        StepThreads(1, 1),
        StepThreads(2, 1),
        StepThreads(4, 4),
    ]


def test_a_small_batch_takes_one_thread():
    assert StepThreads.for_device(CPU, 2, MIN_THREAD_ACTIVATIONS - 1) == StepThreads(1, 2)


def test_the_cores_of_an_operation_are_as_before_after_a_step():
    before = torch.get_num_threads()
    with StepThreads(2, 1).limit_cores():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
