"""Checkpoints: stored and read back, of older versions, and corrupt ones."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from freshet.errors import BundleError
from freshet.model import checkpoint
from freshet.model.custom import build_custom_model
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.transformer import Recommender

SMALL_PARAMS = TrainParams(max_history=4, hidden_dim=8, embedding_dim=8, n_heads=2, n_layers=1)
FIX = "materialize the asset `trained_model` again"


def save_model(folder: Path, items: int = 3) -> Recommender:
    torch.manual_seed(0)
    model = Recommender(ModelConfig.from_params(SMALL_PARAMS, items))
    checkpoint.save(model, folder)
    return model


def test_a_checkpoint_rebuilds_the_model(tmp_path):
    model = save_model(tmp_path)
    loaded = checkpoint.load(tmp_path)
    assert loaded.config == model.config
    assert not loaded.training
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in model.state_dict().items())


# A current name of each group of weights → its name in a checkpoint of an older version.
FORMER_WEIGHT_NAMES = {
    "observed_items": "met",
    "item_encoder.ids.weight": "items.ids.weight",
    "item_encoder.fields.0.weight": "items.fields.0.weight",
    "content_title": "content_title",
    "shopper_encoders.0.item_projection.weight": "shoppers.0.items.weight",
    "shopper_encoders.0.repeat_attention.scale": "shoppers.0.memory.scale",
    "shopper_encoders.0.repeat_attention.keys.bias": "shoppers.0.memory.keys.bias",
    "shopper_encoders.2.blocks.0.attention_norm.bias": "shoppers.2.blocks.0.attention_norm.bias",
    "shopper_encoders.1.positions.weight": "shoppers.1.positions.weight",
}
FORMER_CONFIG = (
    '{"blend": {"recency": 0.95, "rules": 0.75, "trust": 1.0}, "blocks": 1, "dropout": 0.33, "gap_buckets": 32, '
    '"heads": 1, "id_dropout": 0.0, "inputs": [{"kind": "words", "name": "title", "size": 16}], "items": 3, '
    '"length": 4, "members": 3, "types": 4, "vector": 8, "width": 8}'
)


def former_name(name: str) -> str:
    for current, former in (
        ("observed_items", "met"),
        ("item_encoder.", "items."),
        ("shopper_encoders.", "shoppers."),
        (".item_projection.", ".items."),
        (".repeat_attention.", ".memory."),
    ):
        name = name.replace(current, former)
    return name


def test_weights_have_former_names():
    for current, former in FORMER_WEIGHT_NAMES.items():
        assert former_name(current) == former
        assert checkpoint.current_weight_name(former) == current
        assert checkpoint.current_weight_name(current) == current


def test_a_checkpoint_of_an_older_version_is_read(tmp_path):
    config = ModelConfig.from_json(json.loads(FORMER_CONFIG))
    torch.manual_seed(0)
    model = Recommender(config)
    weights = {former_name(name): value.clone() for name, value in model.state_dict().items()}
    assert set(FORMER_WEIGHT_NAMES.values()) <= set(weights)
    save_file(weights, tmp_path / checkpoint.WEIGHTS_FILE)
    (tmp_path / checkpoint.CONFIG_FILE).write_text(FORMER_CONFIG)
    loaded = checkpoint.load(tmp_path)
    assert loaded.config == config
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in model.state_dict().items())


def test_a_custom_model_of_an_older_version_is_read(tmp_path):
    custom = build_custom_model("tests.own_models:SmallGru", ModelConfig.from_params(SMALL_PARAMS, 3))
    checkpoint.save(custom, tmp_path)
    config = {**json.loads(FORMER_CONFIG), "inputs": [], "model": "tests.own_models:SmallGru"}
    (tmp_path / checkpoint.CONFIG_FILE).write_text(json.dumps(config))
    loaded = checkpoint.load(tmp_path)
    assert torch.equal(loaded.item_embeddings(), custom.item_embeddings())


def test_corrupt_weights_are_refused(tmp_path):
    save_model(tmp_path)
    (tmp_path / checkpoint.WEIGHTS_FILE).write_bytes(b"nonsense")
    with pytest.raises(BundleError) as error:
        checkpoint.load(tmp_path)
    assert str(error.value).startswith(f"{tmp_path / checkpoint.WEIGHTS_FILE}: the weights cannot be read (")
    assert str(error.value).endswith(f"; {FIX}")


def test_missing_weights_are_refused(tmp_path):
    save_model(tmp_path)
    (tmp_path / checkpoint.WEIGHTS_FILE).unlink()
    with pytest.raises(BundleError, match="the weights cannot be read"):
        checkpoint.load(tmp_path)


def test_a_corrupt_architecture_is_refused(tmp_path):
    save_model(tmp_path)
    (tmp_path / checkpoint.CONFIG_FILE).write_text('{"items": 3, "colour": 1}')
    with pytest.raises(BundleError) as error:
        checkpoint.load(tmp_path)
    assert str(error.value).startswith(f"{tmp_path / checkpoint.CONFIG_FILE}: the architecture cannot be read (")


def test_weights_of_another_model_are_refused(tmp_path):
    save_model(tmp_path, items=3)
    save_model(tmp_path / "other", items=4)
    (tmp_path / "other" / checkpoint.CONFIG_FILE).replace(tmp_path / checkpoint.CONFIG_FILE)
    with pytest.raises(BundleError) as error:
        checkpoint.load(tmp_path)
    assert str(error.value) == f"{tmp_path}: weights.safetensors and model.json do not belong together; {FIX}"


@pytest.mark.parametrize("name", [checkpoint.WEIGHTS_FILE, checkpoint.CONFIG_FILE])
def test_a_byte_that_changed_in_a_model_of_known_name_is_noticed(tmp_path, name):
    save_model(tmp_path)
    model_id = checkpoint.fingerprint(tmp_path)
    assert checkpoint.load(tmp_path, model_id) is not None
    content = bytearray((tmp_path / name).read_bytes())
    content[-2] ^= 1  # of the weights: the last number's size, which reads as well as before
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BundleError) as error:
        checkpoint.load(tmp_path, model_id)
    actual = checkpoint.fingerprint(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}: its files have changed since they were written: "
        f"their hash is {actual[:12]}, not {model_id[:12]}; {FIX}"
    )


def test_other_files_beside_a_model_do_not_change_its_name(tmp_path):
    save_model(tmp_path)
    model_id = checkpoint.fingerprint(tmp_path)
    (tmp_path / ".DS_Store").touch()
    assert checkpoint.fingerprint(tmp_path) == model_id
