"""Checkpoints: save and load a model as its weights and the JSON that rebuilds it."""

import hashlib
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Final

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from freshet.errors import BundleError
from freshet.model.custom import CustomModelAdapter, Model
from freshet.model.onnx_encoder import OnnxShopperEncoder, is_onnx_model
from freshet.model.params import ModelConfig
from freshet.model.transformer import Recommender

WEIGHTS_FILE = "weights.safetensors"
CONFIG_FILE = "model.json"
MODEL_CLASS_KEY = "model_class"  # in CONFIG_FILE: the class of a custom model
FORMER_MODEL_CLASS_KEY = "model"
FIX = "materialize the asset `trained_model` again"

# Patterns of former names of a Recommender's weights, with their replacements.
FORMER_WEIGHT_NAMES: Final = (
    (r"^met$", "observed_items"),
    (r"^items\.", "item_encoder."),
    (r"^shoppers\.(\d+)\.items\.", r"shopper_encoders.\1.item_projection."),
    (r"^shoppers\.(\d+)\.memory\.", r"shopper_encoders.\1.repeat_attention."),
    (r"^shoppers\.", "shopper_encoders."),
)


def save(model: Model, folder: Path) -> None:
    """Write WEIGHTS_FILE and CONFIG_FILE into `folder`, which is created if it does not exist."""
    folder.mkdir(parents=True, exist_ok=True)
    # Copies, because safetensors refuses weights that share memory (tied weights).
    weights = {name: value.detach().cpu().contiguous().clone() for name, value in model.state_dict().items()}
    save_file(weights, folder / WEIGHTS_FILE)
    config = asdict(model.config)
    if isinstance(model, CustomModelAdapter):
        config[MODEL_CLASS_KEY] = model.model_class
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", "utf-8")


def fingerprint(folder: Path) -> str:
    """Return the id of the model saved in `folder`: a hash of both files. Raises BundleError if one is missing."""
    digest = hashlib.sha256()
    for path in (folder / CONFIG_FILE, folder / WEIGHTS_FILE):
        try:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").hexdigest().encode())
        except OSError as error:
            raise BundleError(str(path), f"cannot be read ({error.strerror})", FIX) from None
    return digest.hexdigest()


def load(folder: Path, expected_fingerprint: str | None = None) -> Model:
    """Return the model saved in `folder`, on the CPU and in evaluation mode; checkpoints of older versions load, too.

    Raises BundleError if a file is missing or corrupt, the two do not belong together, or the fingerprint differs;
    FreshetError if the class of a custom model cannot be imported.
    """
    if expected_fingerprint is not None and (actual_fingerprint := fingerprint(folder)) != expected_fingerprint:
        hashes = f"{actual_fingerprint[:12]}, not {expected_fingerprint[:12]}"
        raise BundleError(str(folder), f"its files have changed since they were written: their hash is {hashes}", FIX)
    return _load(folder)


def current_weight_name(name: str) -> str:
    """Return the current name of a Recommender's weight, given the current one or that of an older checkpoint."""
    for pattern, replacement in FORMER_WEIGHT_NAMES:
        current_name, n_matches = re.subn(pattern, replacement, name)
        if n_matches:
            return current_name
    return name


def _load(folder: Path) -> Model:
    config, model_class = _read_config(folder / CONFIG_FILE)
    try:
        weights = load_file(folder / WEIGHTS_FILE)
        model = _build_model(config, model_class, weights)
        if isinstance(model, Recommender):
            weights = {current_weight_name(name): value for name, value in weights.items()}
        model.load_state_dict(weights)
    except (OSError, SafetensorError) as error:
        raise BundleError(str(folder / WEIGHTS_FILE), f"the weights cannot be read ({error})", FIX) from None
    except (RuntimeError, KeyError):
        raise BundleError(str(folder), f"{WEIGHTS_FILE} and {CONFIG_FILE} do not belong together", FIX) from None
    return model.eval()


def _build_model(config: ModelConfig, model_class: str, weights: dict[str, Tensor]) -> Model:
    if is_onnx_model(model_class):  # built from the weights: the ONNX folder may be on another machine
        encoder = OnnxShopperEncoder(weights["net.encoder"], weights["net.vectors"])
        return CustomModelAdapter(model_class, config, encoder)
    return CustomModelAdapter(model_class, config) if model_class else Recommender(config)


def _read_config(path: Path) -> tuple[ModelConfig, str]:
    """Return the architecture and the class of a custom model, "" for the built-in one."""
    try:
        content = json.loads(path.read_text("utf-8"))
        model_class = content.pop(FORMER_MODEL_CLASS_KEY, "") or content.pop(MODEL_CLASS_KEY, "")
        return ModelConfig.from_json(content), model_class
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BundleError(str(path), f"the architecture cannot be read ({error})", FIX) from None
