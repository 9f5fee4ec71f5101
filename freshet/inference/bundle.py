"""The bundle: the immutable folder that serves, loaded and checked before anything is answered from it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freshet.data.text_columns import pack_texts, unpack_texts
from freshet.data.vocabulary import Vocabulary
from freshet.errors import BundleError
from freshet.inference.array_files import array_names, load_arrays
from freshet.inference.baselines import Baselines, load_baselines
from freshet.inference.manifest import REBUILD_FIX, Manifest, Precision, load_verified_manifest

ITEM_ENCODER: Final = "item_encoder.onnx"
ITEM_EMBEDDINGS: Final = "item_vectors.npy"
ITEM_EMBEDDINGS_INT8: Final = "item_vectors.int8.npz"  # instead, in an edge bundle
ITEM_BIASES: Final = "item_biases.npy"  # instead of both, in an edge bundle whose encoder holds the vectors
ENCODER_EMBEDDING_OUTPUTS: Final = (
    "item_numbers",
    "item_scales",
)  # its outputs: int8 (V + 1, D - 1) and a scale per row
VOCABULARY: Final = "vocabulary.npz"
VOCABULARY_ARRAYS: Final = ("item_ids", "titles", "categories", "prices", "tombstones", "generation")
BASELINES: Final = "baselines.npz"
GOLDEN: Final = "golden.npz"
MODEL_CARD: Final = "model_card.md"
FINITE_CHECK_ROWS: Final = 1 << 16  # rows looked at together
ATTRIBUTE_PREFIX: Final = "attribute:"  # before the names of further columns of the catalogue


def encoder_file_name(precision: Precision) -> str:
    """The name of the shopper encoder in one precision."""
    return f"shopper_encoder.{precision}.onnx"


@dataclass(frozen=True)
class Bundle:
    """A bundle whose every file was found as it was sealed."""

    id: str  # sha256 of the manifest
    folder: Path
    manifest: Manifest
    vocabulary: Vocabulary
    item_embeddings: NDArray[np.float32]  # (V + 1, D); row 0 zeros
    baselines: Baselines

    @property
    def encoder_path(self) -> Path:
        """The shopper encoder that serves."""
        return self.folder / encoder_file_name(self.manifest.precision)


def read_model_card(bundle: Bundle) -> str:
    """The page that was sealed into it; a title alone for a bundle from before there were any."""
    path = bundle.folder / MODEL_CARD
    return path.read_text("utf-8") if MODEL_CARD in bundle.manifest.files else "# Model card\n"


def open_bundle(folder: Path, bundle_id: str | None = None) -> Bundle:
    """Load the bundle in `folder`, which must have the id `bundle` where that is given.

    Raises BundleError when a file is missing, changed, of another schema version, or does not fit the others.
    """
    actual_id, manifest = load_verified_manifest(folder, bundle_id)
    edge_files = manifest.files.keys() & {ITEM_EMBEDDINGS_INT8, ITEM_BIASES}
    embedding_files = edge_files or {ITEM_EMBEDDINGS, encoder_file_name("fp32")}
    required_files = {encoder_file_name(manifest.precision), VOCABULARY, BASELINES, GOLDEN} | embedding_files
    missing_files = sorted(required_files - set(manifest.files))
    if missing_files:
        raise BundleError(str(folder), f"the manifest does not list {', '.join(missing_files)}", REBUILD_FIX)
    vocabulary = load_vocabulary(folder / VOCABULARY)
    item_embeddings = _load_item_embeddings(folder, manifest)
    baselines = load_baselines(folder / BASELINES)
    _check_shapes(folder, vocabulary, item_embeddings, baselines)
    return Bundle(actual_id, folder, manifest, vocabulary, item_embeddings, baselines)


def _load_item_embeddings(folder: Path, manifest: Manifest) -> NDArray[np.float32]:
    """(V + 1, D), wherever they lie."""
    if ITEM_EMBEDDINGS_INT8 in manifest.files:
        return load_int8_embeddings(folder / ITEM_EMBEDDINGS_INT8)
    if ITEM_BIASES in manifest.files:
        quantized, scales = _load_encoder_embeddings(folder / encoder_file_name(manifest.precision))
        return _dequantize(quantized, scales.ravel(), np.load(folder / ITEM_BIASES, allow_pickle=False))
    # Mapped: the gateway and the process that proves a bundle share its bytes, and neither holds a copy.
    return np.asarray(np.load(folder / ITEM_EMBEDDINGS, mmap_mode="r", allow_pickle=False))


def _load_encoder_embeddings(path: Path) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """The table that an edge bundle's encoder reads its items from. They are constants: no history is encoded."""
    import onnxruntime as ort

    try:
        session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        dummy_event = {x.name: np.ones((1, 1), np.int64) for x in session.get_inputs()}
        quantized, scales = session.run(list(ENCODER_EMBEDDING_OUTPUTS), dummy_event)
    except Exception as error:  # onnxruntime raises a dozen unrelated classes here
        raise BundleError(str(path), f"it gives no item vectors ({str(error).splitlines()[0]})", REBUILD_FIX) from error
    return quantized, scales


def _dequantize(
    quantized: NDArray[np.int8], scales: NDArray[np.float32], biases: NDArray[np.float32]
) -> NDArray[np.float32]:
    return np.concatenate([quantized * scales[:, None], biases[:, None]], axis=1).astype(np.float32)


def save_int8_embeddings(embeddings: NDArray[np.float32], path: Path) -> None:
    """Item vectors (V + 1, D) in a quarter of the bytes: int8 with a scale per row; the last column, the bias, is kept.

    A bias is much larger than the other numbers of its row: with a scale of its own it costs them nothing.
    """
    weights = embeddings[:, :-1]
    scales = np.maximum(np.abs(weights).max(axis=1, initial=0), 1e-12) / 127  # (V + 1,)
    quantized = np.round(weights / scales[:, None]).astype(np.int8)
    np.savez_compressed(path, numbers=quantized, scales=scales.astype(np.float32), biases=embeddings[:, -1])


def load_int8_embeddings(path: Path) -> NDArray[np.float32]:
    """Read what `save_int8` wrote, as float32 (V + 1, D). Raises BundleError when it is something else."""
    quantized, scales, biases = load_arrays(path, ("numbers", "scales", "biases"), "item vectors in int8")
    return _dequantize(quantized, scales, biases)


def save_vocabulary(vocabulary: Vocabulary, path: Path) -> None:
    """Write `vocabulary.npz`: plain arrays, no pickles, the same bytes for the same vocabulary."""
    arrays = {
        "item_ids": vocabulary.item_ids,
        "titles": vocabulary.titles,
        "categories": vocabulary.categories,
        "prices": vocabulary.prices,
        "tombstones": vocabulary.delisted,
        "generation": np.array(vocabulary.generation, dtype=np.int64),
    }
    arrays |= {f"{ATTRIBUTE_PREFIX}{name}": values for name, values in sorted(vocabulary.attributes.items())}
    packed_arrays: dict[str, Any] = pack_texts(arrays)
    np.savez(path, **packed_arrays)


def load_vocabulary(path: Path) -> Vocabulary:
    """Read what `save_vocabulary` wrote. Raises BundleError when it is something else."""
    names = array_names(path, "a vocabulary")
    arrays = unpack_texts(dict(zip(names, load_arrays(path, names, "a vocabulary"), strict=True)))
    missing_arrays = [name for name in VOCABULARY_ARRAYS if name not in arrays]
    if missing_arrays:
        raise BundleError(
            str(path), f"it does not hold a vocabulary (it lacks {', '.join(missing_arrays)})", REBUILD_FIX
        )
    attributes = {
        name.removeprefix(ATTRIBUTE_PREFIX): values
        for name, values in arrays.items()
        if name.startswith(ATTRIBUTE_PREFIX)
    }
    item_ids, titles, categories, prices, tombstones, generation = (arrays[name] for name in VOCABULARY_ARRAYS)
    return Vocabulary(item_ids, titles, categories, prices, tombstones, int(generation), attributes)


def _check_shapes(
    folder: Path, vocabulary: Vocabulary, item_embeddings: NDArray[np.float32], baselines: Baselines
) -> None:
    """Every file speaks of the same items."""
    n_rows = len(vocabulary) + 1
    sizes = {
        ITEM_EMBEDDINGS: len(item_embeddings),
        f"{BASELINES} popularity": len(baselines.popularity),
        f"{BASELINES} neighbours": len(baselines.neighbours),
        f"{BASELINES} rules": len(baselines.rules) or n_rows,  # none in a bundle from before there were any
    }
    for name, size in sizes.items():
        if size != n_rows:
            raise BundleError(f"{folder}/{name}", f"{size} rows, the vocabulary has {n_rows}", REBUILD_FIX)
    if item_embeddings.ndim != 2 or item_embeddings.dtype != np.float32 or not _all_finite(item_embeddings):
        what = f"expected finite float32 (V + 1, D), found {item_embeddings.dtype} {item_embeddings.shape}"
        raise BundleError(f"{folder}/{ITEM_EMBEDDINGS}", what, REBUILD_FIX)
    if item_embeddings[0].any():
        raise BundleError(f"{folder}/{ITEM_EMBEDDINGS}", "row 0 (padding) is not zero", REBUILD_FIX)


def _all_finite(embeddings: NDArray[np.float32]) -> bool:
    """A part at a time: of all at once the answer alone would take a quarter of the vectors' memory."""
    chunks = (embeddings[start : start + FINITE_CHECK_ROWS] for start in range(0, len(embeddings), FINITE_CHECK_ROWS))
    return all(bool(np.isfinite(part).all()) for part in chunks)
