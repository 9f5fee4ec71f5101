"""Golden requests: questions whose answers were written down at export, asked again wherever a bundle is loaded.

They ask everything that a shopper's list comes from: the shopper encoder, the item vectors, the vocabulary, the
baselines and the item encoder. Files that are whole but do not belong together answer otherwise.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freshet.data.history import Ints, ModelInput
from freshet.data.text_columns import pack_texts, unpack_texts
from freshet.errors import BundleError
from freshet.inference.array_files import array_names, load_arrays
from freshet.inference.bundle import GOLDEN_FILE
from freshet.inference.manifest import REBUILD_FIX
from freshet.inference.ranker import Ranker
from freshet.inference.ranker_parity import compute_ranker_outputs, item_embeddings_difference, ranker_differences
from freshet.inference.scoring import EncodedHistories

# Another processor sums in another order: a little difference is no other model. What rounds may round otherwise.
ENCODER_TOLERANCE: Final = {"fp32": 1e-3, "fp16": 2e-2, "int8": 5e-2}
FP32_TOLERANCE: Final = 1e-3  # of what is fp32 in every bundle: the item encoder and the baselines
ENCODER_ARRAYS: Final = ("items", "types", "gaps", "vectors", "repeats")


def save_golden_requests(
    batch: ModelInput, encoded: EncodedHistories, path: Path, ranker_outputs: Mapping[str, NDArray[Any]] | None = None
) -> None:
    """Write `golden.npz`: padded requests, what the encoder which serves answers, and the arrays of `whole_golden`."""
    items, types, gaps = batch.pad()
    encoder_arrays = (items, types, gaps, encoded.embeddings, encoded.repeat_scores)
    arrays: dict[str, Any] = {
        **dict(zip(ENCODER_ARRAYS, encoder_arrays, strict=True)),
        **pack_texts(ranker_outputs or {}),
    }
    np.savez(path, **arrays)


def golden_ranker_outputs(ranker: Ranker, batch: ModelInput) -> dict[str, NDArray[Any]]:
    """What a bundle that is as it shall be answers beyond its encoder, for `make_golden`."""
    return compute_ranker_outputs(ranker, _pack(*batch.pad()))


def check_golden_requests(ranker: Ranker) -> float:
    """The largest difference from what was answered at export, in units of the answer's own size.

    The encoder first, then the whole ranker. A bundle from before the ranker was asked is held against its own item
    encoder instead, where it has one. Raises BundleError when something differs by more than rounding can explain.
    """
    path = ranker.bundle.folder / GOLDEN_FILE
    batch, expected = _load_requests(path)
    scale = max(float(np.abs(expected.flatten()).max(initial=0.0)), 1e-6)
    difference = float(np.abs(ranker.encode(batch).flatten() - expected.flatten()).max(initial=0.0)) / scale
    tolerance = ENCODER_TOLERANCE[ranker.bundle.manifest.precision]
    if not difference <= tolerance:
        what = f"golden requests are answered otherwise than at export (off by {difference:.2g}, allowed {tolerance:g})"
        raise BundleError(str(path), what, REBUILD_FIX)
    return max(difference, _ranker_difference(ranker, batch, path, tolerance))


def _ranker_difference(ranker: Ranker, batch: ModelInput, path: Path, encoder_tolerance: float) -> float:
    names = [name for name in array_names(path, "golden requests") if name not in ENCODER_ARRAYS]
    if not names:
        return _check_difference(
            str(path), "item vectors", item_embeddings_difference(ranker.bundle), FP32_TOLERANCE, "the item encoder's"
        )
    expected = unpack_texts(dict(zip(names, load_arrays(path, names, "golden requests"), strict=True)))
    max_difference = 0.0
    for component, difference in ranker_differences(ranker, batch, expected).items():
        tolerance = encoder_tolerance if component == "lists" else FP32_TOLERANCE
        max_difference = max(
            max_difference, _check_difference(str(path), component, difference, tolerance, "those at export")
        )
    return max_difference


def _check_difference(path: str, component: str, difference: float, tolerance: float, reference: str) -> float:
    if not difference <= tolerance:
        what = f"its {component} are not {reference} (off by {difference:.2g}, allowed {tolerance:g})"
        raise BundleError(path, what, REBUILD_FIX)
    return difference


def _load_requests(path: Path) -> tuple[ModelInput, EncodedHistories]:
    items, types, gaps, vectors, repeats = load_arrays(path, ENCODER_ARRAYS, "golden requests")
    return _pack(items, types, gaps), EncodedHistories(vectors, repeats)


def _pack(items: Ints, types: Ints, gaps: Ints) -> ModelInput:
    """The padding taken off again: (B, T) to packed rows."""
    is_event = items > 0
    offsets = np.concatenate([[0], np.cumsum(is_event.sum(axis=1))])
    return ModelInput(offsets, items[is_event], types[is_event], gaps[is_event], np.arange(int(offsets[-1])))
