import math

import pytest
import torch

from freshet.errors import FreshetError
from freshet.model.lesson import lesson
from freshet.model.params import TrainParams
from freshet.model.training import Progress, train
from freshet.model.validation import ndcg
from tests.checkerboard import ITEMS, checkerboard

PARAMS = TrainParams(
    length=6, width=16, vector=8, heads=2, blocks=1, dropout=0.0, learning_rate=0.01, max_epochs=10, patience=10
)


@pytest.mark.parametrize("negatives", [ITEMS, 1], ids=["from all items", "from drawn ones"])
def test_the_checkerboard_is_learned(negatives):
    told: list[Progress] = []
    trained = train(checkerboard(), PARAMS.model_copy(update={"negatives": negatives}), "cpu", told.append)
    # four equally likely items: no model can guess better than log 4 nats; nothing learned would be log 8
    assert math.log(4) - 0.1 < trained.curve[-1].loss < math.log(4) + 0.2
    assert tuple(told) == trained.curve
    assert trained.best == max(trained.curve, key=lambda p: p.ndcg_at_10)
    assert trained.config.items == ITEMS
    assert trained.device.startswith("cpu")
    assert trained.peak_memory > 0
    assert trained.interactions_per_second > 0


@pytest.mark.parametrize("negatives", [ITEMS, 1], ids=["from all items", "from drawn ones"])
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(negatives):
    params = PARAMS.model_copy(update={"negatives": negatives})
    first, again = (train(checkerboard(), params, "cpu").model.state_dict() for _ in range(2))
    other = train(checkerboard(), params.model_copy(update={"seed": 1}), "cpu").model.state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["shoppers.0.out.weight"], other["shoppers.0.out.weight"])


def test_training_stops_after_the_epoch_in_which_time_is_up():
    hurried = PARAMS.model_copy(update={"max_minutes": 1e-9})
    trained = train(checkerboard(), hurried, "cpu")
    assert len(trained.curve) == 1
    assert trained.curve[0].seconds_left == 0


def test_training_stops_when_validation_no_longer_improves():
    patient = PARAMS.model_copy(update={"max_epochs": 30, "patience": 1})
    curve = train(checkerboard(), patient, "cpu").curve
    assert len(curve) < 30
    assert curve[-1].ndcg_at_10 <= curve[-2].ndcg_at_10


def test_a_loss_that_is_no_number_is_refused():
    shop = checkerboard()
    wild = PARAMS.model_copy(update={"learning_rate": 1e30})
    said = (
        r"^training, epoch [12]: the loss is nan with a learning rate of 1e\+30; "
        r"set learning_rate to a tenth of it and train again$"
    )
    with pytest.raises(FreshetError, match=said):
        train(shop, wild, "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_named():
    with pytest.raises(
        FreshetError, match=r"^FRESHET_DEVICE=cuda: not on this machine \(there is: cpu\); set it to auto$"
    ):
        train(checkerboard(), PARAMS, "cuda")


def test_the_weights_kept_are_those_of_the_best_epoch():
    patient = PARAMS.model_copy(update={"max_epochs": 6, "patience": 2})
    trained = train(checkerboard(), patient, "cpu")
    assert trained.best.epoch < trained.curve[-1].epoch
    held_out = lesson(checkerboard(), patient).held_out
    assert ndcg(trained.model, held_out, patient.length) == trained.best.ndcg_at_10
    assert trained.best.ndcg_at_10 > trained.curve[-1].ndcg_at_10
