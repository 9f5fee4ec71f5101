"""A checkpoint: the weights, and beside them the JSON that rebuilds the model."""

import json
from dataclasses import asdict
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from freshet.errors import BundleError
from freshet.model.params import ModelConfig
from freshet.model.transformer import Recommender

WEIGHTS = "weights.safetensors"
CONFIG = "model.json"
FIX = "materialize the asset `trained_model` again"


def save(model: Recommender, folder: Path) -> None:
    """Writes WEIGHTS and CONFIG into `folder`, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}, folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps(asdict(model.config), indent=1, sort_keys=True) + "\n", "utf-8")


def load(folder: Path) -> Recommender:
    """The model saved in `folder`, on the CPU, ready to answer.

    Raises BundleError if a file is missing or corrupt, or the two do not belong together.
    """
    model = Recommender(_config(folder / CONFIG))
    try:
        model.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, SafetensorError) as error:
        raise BundleError(str(folder / WEIGHTS), f"the weights cannot be read ({error})", FIX) from None
    except RuntimeError:
        raise BundleError(str(folder), f"{WEIGHTS} and {CONFIG} do not belong together", FIX) from None
    return model.eval()


def _config(path: Path) -> ModelConfig:
    try:
        return ModelConfig(**json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise BundleError(str(path), f"the model's shape cannot be read ({error})", FIX) from None
