"""The trainer on the checkerboard: it learns, is reproducible, and stops early."""

import math

import pytest
import torch

from freshet.errors import FreshetError
from freshet.model.params import TrainParams
from freshet.training.split import split_training_set
from freshet.training.trainer import EpochMetrics, train
from freshet.training.validation import mean_ndcg
from tests.checkerboard import N_ITEMS, checkerboard_set

PARAMS = TrainParams(
    max_history=6,
    hidden_dim=16,
    embedding_dim=8,
    n_heads=2,
    n_layers=1,
    dropout=0.0,
    learning_rate=0.01,
    max_epochs=10,
    patience=10,
)


@pytest.mark.parametrize("n_negatives", [N_ITEMS, 1], ids=["all items", "sampled items"])
def test_the_checkerboard_is_learned(n_negatives):
    epochs: list[EpochMetrics] = []
    training_result = train(
        checkerboard_set(), PARAMS.model_copy(update={"n_negatives": n_negatives}), "cpu", epochs.append
    )
    # four equally likely items: the best possible loss is log 4 nats, that of an untrained model log 8
    assert math.log(4) - 0.1 < training_result.curve[-1].loss < math.log(4) + 0.2
    assert tuple(epochs) == training_result.curve
    assert training_result.best == max(training_result.curve, key=lambda p: p.ndcg_at_10)
    assert training_result.config.n_items == N_ITEMS
    assert training_result.device.startswith("cpu")
    assert training_result.peak_memory > 0
    assert training_result.events_per_second > 0


@pytest.mark.parametrize("n_negatives", [N_ITEMS, 1], ids=["all items", "sampled items"])
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(n_negatives):
    params = PARAMS.model_copy(update={"n_negatives": n_negatives})
    first, second = (train(checkerboard_set(), params, "cpu").model.state_dict() for _ in range(2))
    other = train(checkerboard_set(), params.model_copy(update={"seed": 1}), "cpu").model.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["shopper_encoders.0.out.weight"], other["shopper_encoders.0.out.weight"])


def test_training_stops_after_the_epoch_in_which_time_is_up():
    hurried = PARAMS.model_copy(update={"max_minutes": 1e-9})
    training_result = train(checkerboard_set(), hurried, "cpu")
    assert len(training_result.curve) == 1
    assert training_result.curve[0].seconds_left == 0


def test_training_stops_when_validation_no_longer_improves():
    patient = PARAMS.model_copy(update={"max_epochs": 30, "patience": 1})
    curve = train(checkerboard_set(), patient, "cpu").curve
    assert len(curve) < 30
    assert curve[-1].ndcg_at_10 <= curve[-2].ndcg_at_10


def test_a_loss_that_is_not_finite_is_refused():
    shop = checkerboard_set()
    wild = PARAMS.model_copy(update={"learning_rate": 1e30})
    message = (
        r"^training, epoch [12]: the loss is nan with a learning rate of 1e\+30; "
        r"set learning_rate to a tenth of it and train again$"
    )
    with pytest.raises(FreshetError, match=message):
        train(shop, wild, "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_device_is_refused():
    with pytest.raises(
        FreshetError,
        match=r"^FRESHET_TRAINING_DEVICE=cuda: not available on this machine \(available: cpu\); set it to auto$",
    ):
        train(checkerboard_set(), PARAMS, "cuda")


def test_the_weights_are_those_of_the_best_epoch():
    patient = PARAMS.model_copy(update={"max_epochs": 6, "patience": 2})
    training_result = train(checkerboard_set(), patient, "cpu")
    assert training_result.best.epoch < training_result.curve[-1].epoch
    held_out = split_training_set(checkerboard_set(), patient).validation_cases
    assert mean_ndcg(training_result.model, held_out, patient.max_history) == training_result.best.ndcg_at_10
    assert training_result.best.ndcg_at_10 > training_result.curve[-1].ndcg_at_10
