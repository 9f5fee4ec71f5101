"""The bundle: the immutable folder that serves, loaded and checked before anything is answered from it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freshet.errors import BundleError
from freshet.live.arrays import array_names, read_arrays
from freshet.live.baselines import Baselines, load_baselines
from freshet.live.manifest import REBUILD, Manifest, Precision, verified
from freshet.texts import packed, unpacked
from freshet.vocabulary import Vocabulary

ITEM_ENCODER: Final = "item_encoder.onnx"
ITEM_VECTORS: Final = "item_vectors.npy"
ITEM_VECTORS_INT8: Final = "item_vectors.int8.npz"  # instead, in an edge bundle
ITEM_BIASES: Final = "item_biases.npy"  # instead of both, in an edge bundle whose encoder holds the vectors
ENCODERS_VECTORS: Final = ("item_numbers", "item_scales")  # its outputs: int8 (V + 1, D - 1) and a scale per row
VOCABULARY: Final = "vocabulary.npz"
VOCABULARY_ARRAYS: Final = ("item_ids", "titles", "categories", "prices", "tombstones", "generation")
BASELINES: Final = "baselines.npz"
GOLDEN: Final = "golden.npz"
MODEL_CARD: Final = "model_card.md"
FINITE: Final = 1 << 16  # rows looked at together
ATTRIBUTE: Final = "attribute:"  # before the names of further columns of the catalogue


def encoder_file(precision: Precision) -> str:
    """The name of the shopper encoder in one precision."""
    return f"shopper_encoder.{precision}.onnx"


@dataclass(frozen=True)
class Bundle:
    """A bundle whose every file was found as it was sealed."""

    id: str  # sha256 of the manifest
    folder: Path
    manifest: Manifest
    vocabulary: Vocabulary
    item_vectors: NDArray[np.float32]  # (V + 1, D); row 0 zeros
    baselines: Baselines

    @property
    def encoder(self) -> Path:
        """The shopper encoder that serves."""
        return self.folder / encoder_file(self.manifest.precision)


def model_card(bundle: Bundle) -> str:
    """The page that was sealed into it; a title alone for a bundle from before there were any."""
    path = bundle.folder / MODEL_CARD
    return path.read_text("utf-8") if MODEL_CARD in bundle.manifest.files else "# Model card\n"


def open_bundle(folder: Path, bundle: str | None = None) -> Bundle:
    """Load the bundle in `folder`, which must have the id `bundle` where that is given.

    Raises BundleError when a file is missing, changed, of another schema version, or does not fit the others.
    """
    found, manifest = verified(folder, bundle)
    edge = manifest.files.keys() & {ITEM_VECTORS_INT8, ITEM_BIASES}
    vectors_in = edge or {ITEM_VECTORS, encoder_file("fp32")}
    needed = {encoder_file(manifest.precision), VOCABULARY, BASELINES, GOLDEN} | vectors_in
    lacking = sorted(needed - set(manifest.files))
    if lacking:
        raise BundleError(str(folder), f"the manifest does not list {', '.join(lacking)}", REBUILD)
    vocabulary = load_vocabulary(folder / VOCABULARY)
    vectors = _item_vectors(folder, manifest)
    baselines = load_baselines(folder / BASELINES)
    _fit(folder, vocabulary, vectors, baselines)
    return Bundle(found, folder, manifest, vocabulary, vectors, baselines)


def _item_vectors(folder: Path, manifest: Manifest) -> NDArray[np.float32]:
    """(V + 1, D), wherever they lie."""
    if ITEM_VECTORS_INT8 in manifest.files:
        return read_int8(folder / ITEM_VECTORS_INT8)
    if ITEM_BIASES in manifest.files:
        numbers, scales = _encoders_vectors(folder / encoder_file(manifest.precision))
        return _scaled(numbers, scales.ravel(), np.load(folder / ITEM_BIASES, allow_pickle=False))
    # Mapped: the gateway and the process that proves a bundle share its bytes, and neither holds a copy.
    return np.asarray(np.load(folder / ITEM_VECTORS, mmap_mode="r", allow_pickle=False))


def _encoders_vectors(path: Path) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """The table that an edge bundle's encoder reads its items from. They are constants: no history is encoded."""
    import onnxruntime as ort

    try:
        session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        event = {x.name: np.ones((1, 1), np.int64) for x in session.get_inputs()}
        numbers, scales = session.run(list(ENCODERS_VECTORS), event)
    except Exception as error:  # onnxruntime raises a dozen unrelated classes here
        raise BundleError(str(path), f"it gives no item vectors ({str(error).splitlines()[0]})", REBUILD) from error
    return numbers, scales


def _scaled(numbers: NDArray[np.int8], scales: NDArray[np.float32], biases: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([numbers * scales[:, None], biases[:, None]], axis=1).astype(np.float32)


def save_int8(vectors: NDArray[np.float32], path: Path) -> None:
    """Item vectors (V + 1, D) in a quarter of the bytes: int8 with a scale per row; the last column, the bias, is kept.

    A bias is much larger than the other numbers of its row: with a scale of its own it costs them nothing.
    """
    inner = vectors[:, :-1]
    scales = np.maximum(np.abs(inner).max(axis=1, initial=0), 1e-12) / 127  # (V + 1,)
    numbers = np.round(inner / scales[:, None]).astype(np.int8)
    np.savez_compressed(path, numbers=numbers, scales=scales.astype(np.float32), biases=vectors[:, -1])


def read_int8(path: Path) -> NDArray[np.float32]:
    """Read what `save_int8` wrote, as float32 (V + 1, D). Raises BundleError when it is something else."""
    numbers, scales, biases = read_arrays(path, ("numbers", "scales", "biases"), "item vectors in int8")
    return _scaled(numbers, scales, biases)


def save_vocabulary(vocabulary: Vocabulary, path: Path) -> None:
    """Write `vocabulary.npz`: plain arrays, no pickles, the same bytes for the same vocabulary."""
    arrays = {
        "item_ids": vocabulary.item_ids,
        "titles": vocabulary.titles,
        "categories": vocabulary.categories,
        "prices": vocabulary.prices,
        "tombstones": vocabulary.tombstones,
        "generation": np.array(vocabulary.generation, dtype=np.int64),
    }
    arrays |= {f"{ATTRIBUTE}{name}": values for name, values in sorted(vocabulary.attributes.items())}
    flat: dict[str, Any] = packed(arrays)
    np.savez(path, **flat)


def load_vocabulary(path: Path) -> Vocabulary:
    """Read what `save_vocabulary` wrote. Raises BundleError when it is something else."""
    names = array_names(path, "a vocabulary")
    arrays = unpacked(dict(zip(names, read_arrays(path, names, "a vocabulary"), strict=True)))
    lacking = [name for name in VOCABULARY_ARRAYS if name not in arrays]
    if lacking:
        raise BundleError(str(path), f"it does not hold a vocabulary (it lacks {', '.join(lacking)})", REBUILD)
    attributes = {name.removeprefix(ATTRIBUTE): values for name, values in arrays.items() if name.startswith(ATTRIBUTE)}
    item_ids, titles, categories, prices, tombstones, generation = (arrays[name] for name in VOCABULARY_ARRAYS)
    return Vocabulary(item_ids, titles, categories, prices, tombstones, int(generation), attributes)


def _fit(folder: Path, vocabulary: Vocabulary, vectors: NDArray[np.float32], baselines: Baselines) -> None:
    """Every file speaks of the same items."""
    rows = len(vocabulary) + 1
    sizes = {
        ITEM_VECTORS: len(vectors),
        f"{BASELINES} popularity": len(baselines.popularity),
        f"{BASELINES} neighbours": len(baselines.neighbours),
        f"{BASELINES} rules": len(baselines.rules) or rows,  # none in a bundle from before there were any
    }
    for name, size in sizes.items():
        if size != rows:
            raise BundleError(f"{folder}/{name}", f"{size} rows, the vocabulary has {rows}", REBUILD)
    if vectors.ndim != 2 or vectors.dtype != np.float32 or not _finite(vectors):
        what = f"expected finite float32 (V + 1, D), found {vectors.dtype} {vectors.shape}"
        raise BundleError(f"{folder}/{ITEM_VECTORS}", what, REBUILD)
    if vectors[0].any():
        raise BundleError(f"{folder}/{ITEM_VECTORS}", "row 0 (padding) is not zero", REBUILD)


def _finite(vectors: NDArray[np.float32]) -> bool:
    """A part at a time: of all at once the answer alone would take a quarter of the vectors' memory."""
    parts = (vectors[start : start + FINITE] for start in range(0, len(vectors), FINITE))
    return all(bool(np.isfinite(part).all()) for part in parts)
