"""Training checkpoints: save the whole training state in the lake and resume from it.

A spot machine can disappear without notice, and its successor has only the lake. The file name holds the epoch, the
step and the hash of the content: a damaged file is detected, and the one before it is used.
"""

import hashlib
import json
import logging
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save_file
from torch import Tensor

from freshet.store import Store
from freshet.training.distributed import ProcessGroup
from freshet.training.state import EpochMetrics, TrainState

log = logging.getLogger("freshet")

MAX_STATE_FILES = 2  # the newest, and the one before it in case the newest is damaged
METADATA_KEY = "facts"


@dataclass(frozen=True)
class TrainingCheckpoint:
    """The files `<completed epochs>-<steps>-<sha256>.safetensors` in `folder`, which belongs to one training."""

    store: Store
    folder: str
    interval_s: float = 30.0  # seconds between two checkpoints; 0: one after every step

    def save(self, state: TrainState) -> None:
        """Write the training state atomically, and remove all but the last MAX_STATE_FILES files."""
        with tempfile.TemporaryDirectory() as temporary:
            file = Path(temporary) / "state"
            save_file(_state_tensors(state), file)
            progress_key = f"{len(state.curve):04d}-{state.step:09d}"
            with file.open("rb") as content:
                name = f"{progress_key}-{hashlib.file_digest(content, 'sha256').hexdigest()}.safetensors"
            self.store.put(f"{self.folder}/{name}", file)
        for path in self.store.list(self.folder)[:-MAX_STATE_FILES]:
            self.store.remove(path)

    def load(self, state: TrainState, process_group: ProcessGroup) -> bool:
        """Restore `state` from the newest intact file; return False if there is none.

        The first process chooses the file, so that all processes resume from the same step.
        """
        path = process_group.broadcast(self._latest_intact() if process_group.is_main else "")
        if not path:
            return False
        _restore(state, load(self.store.get(path)))
        return True

    def remove(self) -> None:
        """Remove all files, after the training is finished."""
        for path in self.store.list(self.folder):
            self.store.remove(path)

    def _latest_intact(self) -> str:
        for path in reversed(self.store.list(self.folder)):
            if _digest(self.store.get(path)) == Path(path).stem.rpartition("-")[2]:
                return path
            log.warning("%s is damaged: resuming from the checkpoint before it, if any", self.store.full_path(path))
            self.store.remove(path)  # otherwise it would count as one of the newest
        return ""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _state_tensors(state: TrainState) -> dict[str, Tensor]:
    """Return everything that the next step depends on; values that are not tensors as JSON in a tensor of bytes."""
    optimizer_slots = state.optimizer.state_dict()["state"]
    tensors = {
        **{f"model/{name}": value for name, value in state.model.state_dict().items()},
        **{f"best/{name}": value for name, value in state.best_weights.items()},
        **{
            f"slot/{index}/{name}": torch.as_tensor(v)
            for index, slot in optimizer_slots.items()
            for name, v in slot.items()
        },
    }
    if state.epoch_losses:
        tensors["losses"] = torch.stack(state.epoch_losses)
    metadata = {
        "step": state.step,
        "over": state.is_finished,
        "seconds": state.seconds,
        "device": state.device_name,
        "peak_memory": state.peak_memory,
        "curve": [asdict(epoch_metrics) for epoch_metrics in state.curve],
    }
    tensors[METADATA_KEY] = torch.frombuffer(bytearray(json.dumps(metadata).encode()), dtype=torch.uint8)
    # Copies, because safetensors refuses tensors that share memory (tied weights).
    return {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}


def _restore(state: TrainState, tensors: dict[str, Tensor]) -> None:
    metadata: dict[str, Any] = json.loads(bytes(tensors[METADATA_KEY].numpy().tobytes()))
    state.step, state.is_finished, state.seconds = metadata["step"], metadata["over"], metadata["seconds"]
    state.device_name, state.peak_memory = metadata["device"], metadata["peak_memory"]
    state.curve = [EpochMetrics(**epoch_metrics) for epoch_metrics in metadata["curve"]]
    losses = tensors.get("losses")
    state.epoch_losses = [] if losses is None else list(losses.to(state.device))
    state.model.load_state_dict(_strip_prefix("model", tensors))
    state.best_weights = {name: value.to(state.device) for name, value in _strip_prefix("best", tensors).items()}
    slots: dict[int, dict[str, Tensor]] = {}
    for path, value in _strip_prefix("slot", tensors).items():
        index, _, name = path.partition("/")
        slots.setdefault(int(index), {})[name] = value
    state.optimizer.load_state_dict({**state.optimizer.state_dict(), "state": slots})


def _strip_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(f"{prefix}/"): value for name, value in tensors.items() if name.startswith(f"{prefix}/")}
