"""Golden requests: questions whose answers were written down at export, asked again wherever a bundle is loaded.

They ask everything that a shopper's list comes from: the shopper encoder, the item vectors, the vocabulary, the
baselines and the item encoder. Files that are whole but do not belong together answer otherwise.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freshet.errors import BundleError
from freshet.history import Ints, ModelInput
from freshet.live.arrays import array_names, read_arrays
from freshet.live.bundle import GOLDEN
from freshet.live.manifest import REBUILD
from freshet.live.ranker import Ranker
from freshet.live.scorer import Encoded
from freshet.live.whole import difference_of, item_vectors_difference, whole_answers
from freshet.texts import packed, unpacked

# Another processor sums in another order: a little difference is no other model. What rounds may round otherwise.
TOLERANCE: Final = {"fp32": 1e-3, "fp16": 2e-2, "int8": 5e-2}
EXACT: Final = 1e-3  # of what is fp32 in every bundle: the item encoder and the baselines
REQUESTS: Final = ("items", "types", "gaps", "vectors", "repeats")


def make_golden(
    batch: ModelInput, answer: Encoded, path: Path, whole: Mapping[str, NDArray[Any]] | None = None
) -> None:
    """Write `golden.npz`: padded requests, what the encoder which serves answers, and the arrays of `whole_golden`."""
    items, types, gaps = batch.padded()
    requests = (items, types, gaps, answer.vectors, answer.repeats)
    arrays: dict[str, Any] = {**dict(zip(REQUESTS, requests, strict=True)), **packed(whole or {})}
    np.savez(path, **arrays)


def whole_golden(ranker: Ranker, batch: ModelInput) -> dict[str, NDArray[Any]]:
    """What a bundle that is as it shall be answers beyond its encoder, for `make_golden`."""
    return whole_answers(ranker, _packed(*batch.padded()))


def check_golden(ranker: Ranker) -> float:
    """The largest difference from what was answered at export, in units of the answer's own size.

    The encoder first, then the whole ranker. A bundle from before the ranker was asked is held against its own item
    encoder instead, where it has one. Raises BundleError when something differs by more than rounding can explain.
    """
    path = ranker.bundle.folder / GOLDEN
    batch, answer = _read(path)
    scale = max(float(np.abs(answer.numbers()).max(initial=0.0)), 1e-6)
    difference = float(np.abs(ranker.encode(batch).numbers() - answer.numbers()).max(initial=0.0)) / scale
    allowed = TOLERANCE[ranker.bundle.manifest.precision]
    if not difference <= allowed:
        what = f"golden requests are answered otherwise than at export (off by {difference:.2g}, allowed {allowed:g})"
        raise BundleError(str(path), what, REBUILD)
    return max(difference, _whole_difference(ranker, batch, path, allowed))


def _whole_difference(ranker: Ranker, batch: ModelInput, path: Path, allowed: float) -> float:
    names = [name for name in array_names(path, "golden requests") if name not in REQUESTS]
    if not names:
        return _checked(str(path), "item vectors", item_vectors_difference(ranker.bundle), EXACT, "the item encoder's")
    sealed = unpacked(dict(zip(names, read_arrays(path, names, "golden requests"), strict=True)))
    worst = 0.0
    for part, difference in difference_of(ranker, batch, sealed).items():
        limit = allowed if part == "lists" else EXACT
        worst = max(worst, _checked(str(path), part, difference, limit, "those at export"))
    return worst


def _checked(path: str, part: str, difference: float, limit: float, whose: str) -> float:
    if not difference <= limit:
        what = f"its {part} are not {whose} (off by {difference:.2g}, allowed {limit:g})"
        raise BundleError(path, what, REBUILD)
    return difference


def _read(path: Path) -> tuple[ModelInput, Encoded]:
    items, types, gaps, vectors, repeats = read_arrays(path, REQUESTS, "golden requests")
    return _packed(items, types, gaps), Encoded(vectors, repeats)


def _packed(items: Ints, types: Ints, gaps: Ints) -> ModelInput:
    """The padding taken off again: (B, T) to packed rows."""
    there = items > 0
    offsets = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
    return ModelInput(offsets, items[there], types[there], gaps[there], np.arange(int(offsets[-1])))
