"""Golden requests: model inputs stored with their expected outputs at export, recomputed whenever a bundle is loaded.

They cover everything that recommendations are computed from: shopper encoder, item embeddings, vocabulary, baselines
and item encoder. Files that are intact but do not belong together give other outputs.
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
from freshet.inference.golden_outputs import compute_ranker_outputs, item_embeddings_difference, ranker_differences
from freshet.inference.manifest import REBUILD_FIX
from freshet.inference.ranker import Ranker
from freshet.inference.scoring import EncodedHistories, max_relative_difference

# Processors sum in different orders, and low precisions round differently.
ENCODER_TOLERANCE: Final = {"fp32": 1e-3, "fp16": 2e-2, "int8": 5e-2}
FP32_TOLERANCE: Final = 1e-3  # of the parts that are fp32 in every bundle: item encoder and baselines
ENCODER_ARRAYS: Final = ("items", "types", "gaps", "vectors", "repeats")  # inputs and outputs of the encoder


def save_golden_requests(
    batch: ModelInput, encoded: EncodedHistories, path: Path, ranker_outputs: Mapping[str, NDArray[Any]] | None = None
) -> None:
    """Write `golden.npz`: padded inputs, the encoder's outputs, and the arrays of `golden_ranker_outputs` if given."""
    items, types, gaps = batch.pad()
    encoder_arrays = (items, types, gaps, encoded.embeddings, encoded.repeat_scores)
    arrays: dict[str, Any] = {
        **dict(zip(ENCODER_ARRAYS, encoder_arrays, strict=True)),
        **pack_texts(ranker_outputs or {}),
    }
    np.savez(path, **arrays)


def golden_ranker_outputs(ranker: Ranker, batch: ModelInput) -> dict[str, NDArray[Any]]:
    """Return the expected outputs of an intact ranker beyond its encoder, for `save_golden_requests`."""
    return compute_ranker_outputs(ranker, _pack(*batch.pad()))


def check_golden_requests(ranker: Ranker) -> float:
    """Recompute the golden requests and return the largest relative difference from the outputs at export.

    Checks the encoder first, then the whole ranker. An older bundle without ranker outputs is compared with its own
    item encoder instead, if it has one. Raises BundleError if a difference is larger than rounding can explain.
    """
    path = ranker.bundle.folder / GOLDEN_FILE
    batch, expected = _load_requests(path)
    difference = max_relative_difference(expected.flatten(), ranker.encode(batch).flatten())
    tolerance = ENCODER_TOLERANCE[ranker.bundle.manifest.precision]
    if not difference <= tolerance:
        what = f"golden requests give other outputs than at export (off by {difference:.2g}, allowed {tolerance:g})"
        raise BundleError(str(path), what, REBUILD_FIX)
    return max(difference, _ranker_difference(ranker, batch, path, tolerance))


def _ranker_difference(ranker: Ranker, batch: ModelInput, path: Path, encoder_tolerance: float) -> float:
    names = [name for name in array_names(path, "golden requests") if name not in ENCODER_ARRAYS]
    if not names:
        return _check_difference(
            str(path),
            "item embeddings",
            item_embeddings_difference(ranker.bundle),
            FP32_TOLERANCE,
            "the item encoder's",
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
    """Remove the padding: (B, T) arrays to packed rows."""
    is_event = items > 0
    offsets = np.concatenate([[0], np.cumsum(is_event.sum(axis=1))])
    return ModelInput(offsets, items[is_event], types[is_event], gaps[is_event], np.arange(int(offsets[-1])))
