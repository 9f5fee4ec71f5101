"""Two processes train what one would: pure sums first, then two real processes, by torchrun and by Spark."""

import numpy as np
import pytest
import torch

from freshet.model.batches import Batch, batches, pack
from freshet.model.corpus import corpus
from freshet.model.own import step_loss
from freshet.model.params import TrainParams
from freshet.model.ranks import Ranks, dealt, joined
from freshet.model.resume import ResumePoint
from freshet.model.run_params import RunParams
from freshet.model.start import untrained
from freshet.model.training import Means, train
from freshet.stages.launch import launch
from freshet.store import open_store
from tests.checkerboard import checkerboard

PARAMS = TrainParams(
    length=6, width=8, vector=8, heads=2, blocks=1, members=2, dropout=0.0, steps_per_epoch=4, max_epochs=2, patience=9
)


def batch_of(*pieces: tuple[int, int, int]) -> Batch:
    return pack(corpus(checkerboard().histories), np.array(pieces), 0.0, np.random.default_rng(0))


def test_windows_are_dealt_out_with_their_questions():
    whole = batch_of((0, 0, 2), (1, 0, 2), (2, 0, 2), (3, 0, 3))
    first, second = (dealt(whole, rank, 2) for rank in (0, 1))
    assert first.groups == ((2, 2),)  # windows 0 and 2
    assert second.groups == ((1, 2), (1, 3))  # windows 1 and 3
    theirs = [2, 3, 6, 7, 8]  # rows of the whole
    assert second.items.tolist() == whole.items[theirs].tolist()
    assert second.positions.tolist() == [0, 1, 0, 1, 2]
    assert second.following.rows.tolist() == [0, 1, 2, 3, 4]
    assert second.following.items.tolist() == whole.following.items[theirs].tolist()
    assert first.following.rows.tolist() == [0, 1, 2, 3]


def test_a_process_without_windows_has_nothing_to_ask():
    nothing = Ranks(2, 3).share(batch_of((0, 0, 4), (1, 0, 4)))
    assert (nothing.groups, len(nothing.items), len(nothing.following.rows)) == ((), 0, 0)


@pytest.mark.parametrize("world", [2, 3])
def test_the_weighted_gradients_of_all_processes_add_up_to_those_of_one(world):
    shop = checkerboard()
    taught = corpus(shop.histories)
    model = untrained(shop.vocabulary, taught, PARAMS)
    batch = next(batches(taught, PARAMS.length, 90, 0.1, np.random.default_rng(1)))
    alone = step_loss(model, batch)
    alone.backward()
    wanted = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    total = 0.0
    for rank in range(world):
        loss = step_loss(model, batch, Ranks(rank, world))
        loss.backward()
        total += loss.item()
    assert total == pytest.approx(alone.item(), abs=1e-6)
    for parameter, grad in zip(model.parameters(), wanted, strict=True):
        assert torch.allclose(parameter.grad, grad, atol=1e-6)


def trained_with_others(root: str, place: str) -> None:
    with joined(place) as (ranks, device):
        train(checkerboard(), PARAMS, "cpu", means=Means(ResumePoint(open_store(root), "shared"), ranks, device))


def assert_as_one(root: str) -> None:
    """What two processes left behind is what one process makes, but for the order in which it adds."""
    alone = train(checkerboard(), PARAMS, "cpu")
    shared = train(checkerboard(), PARAMS, "cpu", means=Means(ResumePoint(open_store(root), "shared")))
    assert shared.device.startswith("2 × cpu")
    assert [p.loss for p in shared.curve] == pytest.approx([p.loss for p in alone.curve], abs=1e-5)
    assert [p.ndcg_at_10 for p in shared.curve] == pytest.approx([p.ndcg_at_10 for p in alone.curve], abs=1e-3)
    # How an item's vector is split between id and content is settled by many sums, so their parts may differ more.
    assert torch.allclose(shared.model.item_vectors(), alone.model.item_vectors(), atol=1e-2)
    for name, value in alone.model.shoppers.state_dict().items():
        assert torch.allclose(shared.model.shoppers.state_dict()[name], value, atol=1e-3), name


@pytest.mark.drill
def test_two_processes_by_torchrun_train_what_one_would(tmp_path):
    launch(trained_with_others, (str(tmp_path),), RunParams(distribute="torchrun", processes=2), "cpu")
    assert_as_one(str(tmp_path))


@pytest.mark.drill
@pytest.mark.spark
def test_two_spark_tasks_train_what_one_process_would(tmp_path, spark):
    launch(trained_with_others, (str(tmp_path),), RunParams(distribute="spark", processes=2), "cpu")
    assert_as_one(str(tmp_path))
