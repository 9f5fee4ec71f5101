"""Two processes train the same model as one: summed shards, then real processes by torchrun and Spark."""

import numpy as np
import pytest
import torch

from freshet.model.params import TrainParams
from freshet.steps.training.launch import launch_workers
from freshet.store import open_store
from freshet.training.batching import Batch, batches, pack
from freshet.training.dataset import build_dataset
from freshet.training.distributed import ProcessGroup, join_process_group, shard_batch
from freshet.training.initialisation import build_initial_model
from freshet.training.objective import step_loss
from freshet.training.resume import TrainingCheckpoint
from freshet.training.run_params import RunParams
from freshet.training.trainer import TrainerContext, train
from tests.checkerboard import checkerboard_set

PARAMS = TrainParams(
    max_history=6,
    hidden_dim=8,
    embedding_dim=8,
    n_heads=2,
    n_layers=1,
    ensemble_size=2,
    dropout=0.0,
    steps_per_epoch=4,
    max_epochs=2,
    patience=9,
)


def batch_of(*windows: tuple[int, int, int]) -> Batch:
    return pack(build_dataset(checkerboard_set().histories), np.array(windows), 0.0, np.random.default_rng(0))


def test_windows_are_sharded_with_their_queries():
    full_batch = batch_of((0, 0, 2), (1, 0, 2), (2, 0, 2), (3, 0, 3))
    first, second = (shard_batch(full_batch, rank, 2) for rank in (0, 1))
    assert first.groups == ((2, 2),)  # windows 0 and 2
    assert second.groups == ((1, 2), (1, 3))  # windows 1 and 3
    rows = [2, 3, 6, 7, 8]  # rows of the full batch
    assert second.items.tolist() == full_batch.items[rows].tolist()
    assert second.positions.tolist() == [0, 1, 0, 1, 2]
    assert second.targets.rows.tolist() == [0, 1, 2, 3, 4]
    assert second.targets.items.tolist() == full_batch.targets.items[rows].tolist()
    assert first.targets.rows.tolist() == [0, 1, 2, 3]


def test_a_shard_without_windows_has_no_queries():
    empty_share = ProcessGroup(2, 3).local_shard(batch_of((0, 0, 4), (1, 0, 4)))
    assert (empty_share.groups, len(empty_share.items), len(empty_share.targets.rows)) == ((), 0, 0)


@pytest.mark.parametrize("world_size", [2, 3])
def test_the_weighted_gradients_of_all_processes_add_up_to_those_of_one(world_size):
    shop = checkerboard_set()
    dataset = build_dataset(shop.histories)
    model = build_initial_model(shop.vocabulary, dataset, PARAMS)
    batch = next(batches(dataset, PARAMS.max_history, 90, 0.1, np.random.default_rng(1)))
    single_loss = step_loss(model, batch)
    single_loss.backward()
    expected_gradients = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    total = 0.0
    for rank in range(world_size):
        loss = step_loss(model, batch, ProcessGroup(rank, world_size))
        loss.backward()
        total += loss.item()
    assert total == pytest.approx(single_loss.item(), abs=1e-6)
    for parameter, grad in zip(model.parameters(), expected_gradients, strict=True):
        assert torch.allclose(parameter.grad, grad, atol=1e-6)


def train_on_processes(root: str, device_name: str) -> None:
    with join_process_group(device_name) as (process_group, device):
        train(
            checkerboard_set(),
            PARAMS,
            "cpu",
            context=TrainerContext(TrainingCheckpoint(open_store(root), "shared"), process_group, device),
        )


def assert_equals_one_process(root: str) -> None:
    """The checkpoint of two processes equals the result of one process, up to the order of sums."""
    single_result = train(checkerboard_set(), PARAMS, "cpu")
    shared_result = train(
        checkerboard_set(), PARAMS, "cpu", context=TrainerContext(TrainingCheckpoint(open_store(root), "shared"))
    )
    assert shared_result.device.startswith("2 × cpu")
    assert [p.loss for p in shared_result.curve] == pytest.approx([p.loss for p in single_result.curve], abs=1e-5)
    assert [p.ndcg_at_10 for p in shared_result.curve] == pytest.approx(
        [p.ndcg_at_10 for p in single_result.curve], abs=1e-3
    )
    # The split of an item embedding between id and content depends on many sums, so it may differ more.
    assert torch.allclose(shared_result.model.item_embeddings(), single_result.model.item_embeddings(), atol=1e-2)
    for name, value in single_result.model.shopper_encoders.state_dict().items():
        assert torch.allclose(shared_result.model.shopper_encoders.state_dict()[name], value, atol=1e-3), name


@pytest.mark.drill
def test_two_processes_by_torchrun_train_what_one_would(tmp_path):
    launch_workers(train_on_processes, (str(tmp_path),), RunParams(distributed="torchrun", num_processes=2), "cpu")
    assert_equals_one_process(str(tmp_path))


@pytest.mark.drill
@pytest.mark.spark
def test_two_spark_tasks_train_what_one_process_would(tmp_path, spark):
    launch_workers(train_on_processes, (str(tmp_path),), RunParams(distributed="spark", num_processes=2), "cpu")
    assert_equals_one_process(str(tmp_path))
