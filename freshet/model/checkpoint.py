"""A checkpoint: the weights, and beside them the JSON that rebuilds the model."""

import hashlib
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


def fingerprint(folder: Path) -> str:
    """The name of the model saved in `folder`: a hash of both files. Raises BundleError if one is missing."""
    digest = hashlib.sha256()
    for path in (folder / CONFIG, folder / WEIGHTS):
        try:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").hexdigest().encode())
        except OSError as error:
            raise BundleError(str(path), f"cannot be read ({error.strerror})", FIX) from None
    return digest.hexdigest()


def load(folder: Path, name: str | None = None) -> Model:
    """The model saved in `folder`, on the CPU, ready to answer. name: its fingerprint, where it is known.

    Raises BundleError if a file is missing or corrupt, the two do not belong together, or have another fingerprint;
    FreshetError if it is a model of your own whose class is not there.
    """
    if name is not None and (actual := fingerprint(folder)) != name:
        what = f"its files have changed since they were written: their hash is {actual[:12]}, not {name[:12]}"
        raise BundleError(str(folder), what, FIX)
    return _loaded(folder)


def _loaded(folder: Path) -> Model:
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
