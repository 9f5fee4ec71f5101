"""Where a training that was killed goes on: its whole state as one file in the lake, written while it runs.

A spot machine is taken away without notice, and the next one has nothing but the lake. So the state lies there, under a
name that holds the place reached and the hash of the content: a file cut short is recognised, the one before is taken.
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

from freshet.model.course import Course, Progress
from freshet.model.ranks import Ranks
from freshet.store import Store

log = logging.getLogger("freshet")

KEPT = 2  # the newest, and one before it should the newest be damaged
FACTS = "facts"


@dataclass(frozen=True)
class ResumePoint:
    """The files `<epochs over>-<steps>-<sha256>.safetensors` below `folder`, which belongs to one training only."""

    store: Store
    folder: str
    every: float = 30.0  # seconds between two files; 0: after every step

    def save(self, course: Course) -> None:
        """Write the course as it is now, whole or not at all. Files older than the one before are removed."""
        with tempfile.TemporaryDirectory() as temporary:
            file = Path(temporary) / "state"
            save_file(_tensors(course), file)
            place = f"{len(course.curve):04d}-{course.step:09d}"
            with file.open("rb") as content:
                name = f"{place}-{hashlib.file_digest(content, 'sha256').hexdigest()}.safetensors"
            self.store.put(f"{self.folder}/{name}", file)
        for path in self.store.list(self.folder)[:-KEPT]:
            self.store.remove(path)

    def load(self, course: Course, ranks: Ranks) -> bool:
        """Take the course up where the newest whole file left it; False where there is none.

        The first process chooses the file, so that all go on from the same step.
        """
        chosen = ranks.told_by_first(self._newest() if ranks.first else "")
        if not chosen:
            return False
        _restore(course, load(self.store.get(chosen)))
        return True

    def remove(self) -> None:
        """The training is over: nothing will be resumed."""
        for path in self.store.list(self.folder):
            self.store.remove(path)

    def _newest(self) -> str:
        for path in reversed(self.store.list(self.folder)):
            if _digest(self.store.get(path)) == Path(path).stem.rpartition("-")[2]:
                return path
            log.warning("%s is damaged: the training goes on from the file before, if any", self.store.where(path))
            self.store.remove(path)  # or it would count as one of the newest
        return ""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _tensors(course: Course) -> dict[str, Tensor]:
    """Everything that the next step depends on; what is no tensor goes as JSON in one of bytes."""
    slots = course.optimizer.state_dict()["state"]
    found = {
        **{f"model/{name}": value for name, value in course.model.state_dict().items()},
        **{f"best/{name}": value for name, value in course.best.items()},
        **{f"slot/{number}/{name}": torch.as_tensor(v) for number, own in slots.items() for name, v in own.items()},
    }
    if course.losses:
        found["losses"] = torch.stack(course.losses)
    facts = {
        "step": course.step,
        "over": course.over,
        "seconds": course.seconds,
        "device": course.device,
        "peak_memory": course.peak_memory,
        "curve": [asdict(progress) for progress in course.curve],
    }
    found[FACTS] = torch.frombuffer(bytearray(json.dumps(facts).encode()), dtype=torch.uint8)
    # A copy of each: two names may share their memory (tied weights), which the format refuses.
    return {name: value.detach().cpu().contiguous().clone() for name, value in found.items()}


def _restore(course: Course, tensors: dict[str, Tensor]) -> None:
    facts: dict[str, Any] = json.loads(bytes(tensors[FACTS].numpy().tobytes()))
    course.step, course.over, course.seconds = facts["step"], facts["over"], facts["seconds"]
    course.device, course.peak_memory = facts["device"], facts["peak_memory"]
    course.curve = [Progress(**progress) for progress in facts["curve"]]
    losses = tensors.get("losses")
    course.losses = [] if losses is None else list(losses.to(course.place))
    course.model.load_state_dict(_below("model", tensors))
    course.best = {name: value.to(course.place) for name, value in _below("best", tensors).items()}
    slots: dict[int, dict[str, Tensor]] = {}
    for path, value in _below("slot", tensors).items():
        number, _, name = path.partition("/")
        slots.setdefault(int(number), {})[name] = value
    course.optimizer.load_state_dict({**course.optimizer.state_dict(), "state": slots})


def _below(folder: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(f"{folder}/"): value for name, value in tensors.items() if name.startswith(f"{folder}/")}
