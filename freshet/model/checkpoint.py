"""A checkpoint: the weights, and beside them the JSON that rebuilds the model."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

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
MODEL_CLASS_KEY = "model"  # in CONFIG: the class of a model of your own
FIX = "materialize the asset `trained_model` again"


def save(model: Model, folder: Path) -> None:
    """Writes WEIGHTS and CONFIG into `folder`, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    # A copy of each: two names may share their memory (tied weights), which the format refuses.
    weights = {name: value.detach().cpu().contiguous().clone() for name, value in model.state_dict().items()}
    save_file(weights, folder / WEIGHTS_FILE)
    config = asdict(model.config) | (
        {MODEL_CLASS_KEY: model.model_class} if isinstance(model, CustomModelAdapter) else {}
    )
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", "utf-8")


def fingerprint(folder: Path) -> str:
    """The name of the model saved in `folder`: a hash of both files. Raises BundleError if one is missing."""
    digest = hashlib.sha256()
    for path in (folder / CONFIG_FILE, folder / WEIGHTS_FILE):
        try:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").hexdigest().encode())
        except OSError as error:
            raise BundleError(str(path), f"cannot be read ({error.strerror})", FIX) from None
    return digest.hexdigest()


def load(folder: Path, expected_fingerprint: str | None = None) -> Model:
    """The model saved in `folder`, on the CPU, ready to answer. name: its fingerprint, where it is known.

    Raises BundleError if a file is missing or corrupt, the two do not belong together, or have another fingerprint;
    FreshetError if it is a model of your own whose class is not there.
    """
    if expected_fingerprint is not None and (actual_fingerprint := fingerprint(folder)) != expected_fingerprint:
        what = f"its files have changed since they were written: their hash is {actual_fingerprint[:12]}, not {expected_fingerprint[:12]}"
        raise BundleError(str(folder), what, FIX)
    return _load(folder)


def _load(folder: Path) -> Model:
    config, model_class = _read_config(folder / CONFIG_FILE)
    try:
        weights = load_file(folder / WEIGHTS_FILE)
        model = _build_model(config, model_class, weights)
        model.load_state_dict(weights)
    except (OSError, SafetensorError) as error:
        raise BundleError(str(folder / WEIGHTS_FILE), f"the weights cannot be read ({error})", FIX) from None
    except (RuntimeError, KeyError):
        raise BundleError(str(folder), f"{WEIGHTS_FILE} and {CONFIG_FILE} do not belong together", FIX) from None
    return model.eval()


def _build_model(config: ModelConfig, model_class: str, weights: dict[str, Tensor]) -> Model:
    if is_onnx_model(model_class):  # its folder may be on another machine
        return CustomModelAdapter(
            model_class, config, OnnxShopperEncoder(weights["net.encoder"], weights["net.vectors"])
        )
    return CustomModelAdapter(model_class, config) if model_class else Recommender(config)


def _read_config(path: Path) -> tuple[ModelConfig, str]:
    """The shape, and the class of a model of your own or ""."""
    try:
        content = json.loads(path.read_text("utf-8"))
        model_class = content.pop(MODEL_CLASS_KEY, "")
        return ModelConfig(**content), model_class
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BundleError(str(path), f"the model's shape cannot be read ({error})", FIX) from None
