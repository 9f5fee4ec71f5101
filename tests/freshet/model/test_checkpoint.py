from pathlib import Path

import pytest
import torch

from freshet.errors import BundleError
from freshet.model import checkpoint
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.transformer import Recommender

SMALL = TrainParams(length=4, width=8, vector=8, heads=2, blocks=1)
FIX = "materialize the asset `trained_model` again"


def saved(folder: Path, items: int = 3) -> Recommender:
    torch.manual_seed(0)
    model = Recommender(ModelConfig.of(SMALL, items))
    checkpoint.save(model, folder)
    return model


def test_a_checkpoint_rebuilds_the_model(tmp_path):
    model = saved(tmp_path)
    loaded = checkpoint.load(tmp_path)
    assert loaded.config == model.config
    assert not loaded.training
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in model.state_dict().items())


def test_corrupt_weights_are_refused(tmp_path):
    saved(tmp_path)
    (tmp_path / checkpoint.WEIGHTS).write_bytes(b"nonsense")
    with pytest.raises(BundleError) as error:
        checkpoint.load(tmp_path)
    assert str(error.value).startswith(f"{tmp_path / checkpoint.WEIGHTS}: the weights cannot be read (")
    assert str(error.value).endswith(f"; {FIX}")


def test_missing_weights_are_refused(tmp_path):
    saved(tmp_path)
    (tmp_path / checkpoint.WEIGHTS).unlink()
    with pytest.raises(BundleError, match="the weights cannot be read"):
        checkpoint.load(tmp_path)


def test_a_corrupt_shape_is_refused(tmp_path):
    saved(tmp_path)
    (tmp_path / checkpoint.CONFIG).write_text('{"items": 3, "colour": 1}')
    with pytest.raises(BundleError) as error:
        checkpoint.load(tmp_path)
    assert str(error.value).startswith(f"{tmp_path / checkpoint.CONFIG}: the model's shape cannot be read (")


def test_weights_of_another_model_are_refused(tmp_path):
    saved(tmp_path, items=3)
    saved(tmp_path / "other", items=4)
    (tmp_path / "other" / checkpoint.CONFIG).replace(tmp_path / checkpoint.CONFIG)
    with pytest.raises(BundleError) as error:
        checkpoint.load(tmp_path)
    assert str(error.value) == f"{tmp_path}: weights.safetensors and model.json do not belong together; {FIX}"
