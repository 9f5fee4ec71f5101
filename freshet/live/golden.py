"""Golden requests: questions whose answers were written down at export, asked again wherever a bundle is loaded."""

from pathlib import Path
from typing import Final

import numpy as np

from freshet.errors import BundleError
from freshet.history import Ints, ModelInput
from freshet.live.arrays import read_arrays
from freshet.live.bundle import GOLDEN
from freshet.live.manifest import REBUILD
from freshet.live.ranker import Ranker
from freshet.live.scorer import Encoded

# Another processor sums in another order: a little difference is no other model. What rounds may round otherwise.
TOLERANCE: Final = {"fp32": 1e-3, "fp16": 2e-2, "int8": 5e-2}


def make_golden(batch: ModelInput, answer: Encoded, path: Path) -> None:
    """Write `golden.npz`: padded requests and what the encoder which serves answers to them."""
    items, types, gaps = batch.padded()
    np.savez(path, items=items, types=types, gaps=gaps, vectors=answer.vectors, repeats=answer.repeats)


def check_golden(ranker: Ranker) -> float:
    """The largest difference from what was answered at export, in units of the answer's own size.

    Raises BundleError when it is more than rounding can explain.
    """
    path = ranker.bundle.folder / GOLDEN
    batch, answer = _read(path)
    scale = max(float(np.abs(answer.numbers()).max(initial=0.0)), 1e-6)
    difference = float(np.abs(ranker.encode(batch).numbers() - answer.numbers()).max(initial=0.0)) / scale
    allowed = TOLERANCE[ranker.bundle.manifest.precision]
    if not difference <= allowed:
        what = f"golden requests are answered otherwise than at export (off by {difference:.2g}, allowed {allowed:g})"
        raise BundleError(str(path), what, REBUILD)
    return difference


def _read(path: Path) -> tuple[ModelInput, Encoded]:
    names = ("items", "types", "gaps", "vectors", "repeats")
    items, types, gaps, vectors, repeats = read_arrays(path, names, "golden requests")
    return _packed(items, types, gaps), Encoded(vectors, repeats)


def _packed(items: Ints, types: Ints, gaps: Ints) -> ModelInput:
    """The padding taken off again: (B, T) to packed rows."""
    there = items > 0
    offsets = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
    return ModelInput(offsets, items[there], types[there], gaps[there], np.arange(int(offsets[-1])))
