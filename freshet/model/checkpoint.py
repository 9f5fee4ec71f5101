"""A checkpoint: the weights, and beside them the JSON that rebuilds the model."""

import json
from dataclasses import asdict
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from freshet.errors import BundleError
from freshet.model.brought import Brought, is_brought
from freshet.model.own import Model, Own
from freshet.model.params import ModelConfig
from freshet.model.transformer import Recommender

WEIGHTS = "weights.safetensors"
CONFIG = "model.json"
OWN = "model"  # in CONFIG: the class of a model of your own
FIX = "materialize the asset `trained_model` again"


def save(model: Model, folder: Path) -> None:
    """Writes WEIGHTS and CONFIG into `folder`, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    # A copy of each: two names may share their memory (tied weights), which the format refuses.
    weights = {name: value.detach().cpu().contiguous().clone() for name, value in model.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    shape = asdict(model.config) | ({OWN: model.name} if isinstance(model, Own) else {})
    (folder / CONFIG).write_text(json.dumps(shape, indent=1, sort_keys=True) + "\n", "utf-8")


def load(folder: Path) -> Model:
    """The model saved in `folder`, on the CPU, ready to answer.

    Raises BundleError if a file is missing or corrupt, or the two do not belong together; FreshetError if it is a
    model of your own whose class is not there.
    """
    config, name = _config(folder / CONFIG)
    try:
        weights = load_file(folder / WEIGHTS)
        model = _empty(config, name, weights)
        model.load_state_dict(weights)
    except (OSError, SafetensorError) as error:
        raise BundleError(str(folder / WEIGHTS), f"the weights cannot be read ({error})", FIX) from None
    except (RuntimeError, KeyError):
        raise BundleError(str(folder), f"{WEIGHTS} and {CONFIG} do not belong together", FIX) from None
    return model.eval()


def _empty(config: ModelConfig, name: str, weights: dict[str, Tensor]) -> Model:
    if is_brought(name):  # its folder may be on another machine
        return Own(name, config, Brought(weights["net.encoder"], weights["net.vectors"]))
    return Own(name, config) if name else Recommender(config)


def _config(path: Path) -> tuple[ModelConfig, str]:
    """The shape, and the class of a model of your own or ""."""
    try:
        content = json.loads(path.read_text("utf-8"))
        name = content.pop(OWN, "")
        return ModelConfig(**content), name
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BundleError(str(path), f"the model's shape cannot be read ({error})", FIX) from None
