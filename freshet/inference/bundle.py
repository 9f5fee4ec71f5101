"""The bundle: the immutable folder that a gateway serves from; loading it and checking its files against each other."""

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

ITEM_ENCODER_FILE: Final = "item_encoder.onnx"
ITEM_EMBEDDINGS_FILE: Final = "item_embeddings.npy"
ITEM_EMBEDDINGS_INT8_FILE: Final = "item_embeddings.int8.npz"  # instead, in an edge bundle
ITEM_BIASES_FILE: Final = "item_biases.npy"  # instead of both, in an edge bundle whose encoder holds the embeddings
FORMER_FILE_NAMES: Final = {
    ITEM_EMBEDDINGS_FILE: "item_vectors.npy",
    ITEM_EMBEDDINGS_INT8_FILE: "item_vectors.int8.npz",
}  # in bundles of earlier versions
# Outputs of such an encoder: int8 (V + 1, D - 1), and a scale for each row.
ENCODER_EMBEDDING_OUTPUTS: Final = ("item_numbers", "item_scales")
VOCABULARY_FILE: Final = "vocabulary.npz"
VOCABULARY_ARRAYS: Final = ("item_ids", "titles", "categories", "prices", "tombstones", "generation")
BASELINES_FILE: Final = "baselines.npz"
GOLDEN_FILE: Final = "golden.npz"
MODEL_CARD_FILE: Final = "model_card.md"
FINITE_CHECK_ROWS: Final = 1 << 16  # rows of the item embeddings checked at a time
ATTRIBUTE_PREFIX: Final = "attribute:"  # of the arrays that hold further catalogue columns


def encoder_file_name(precision: Precision) -> str:
    """Return the file name of the shopper encoder in one precision."""
    return f"shopper_encoder.{precision}.onnx"


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle; every file has the hash that its manifest names."""

    id: str  # sha256 of the manifest
    folder: Path
    manifest: Manifest
    vocabulary: Vocabulary
    item_embeddings: NDArray[np.float32]  # (V + 1, D); row 0 zeros
    baselines: Baselines

    @property
    def encoder_path(self) -> Path:
        """The file of the shopper encoder in the precision that is served."""
        return self.folder / encoder_file_name(self.manifest.precision)


def read_model_card(bundle: Bundle) -> str:
    """Return the model card that was sealed into the bundle; only its title for an older bundle without one."""
    path = bundle.folder / MODEL_CARD_FILE
    return path.read_text("utf-8") if MODEL_CARD_FILE in bundle.manifest.files else "# Model card\n"


def open_bundle(folder: Path, bundle_id: str | None = None) -> Bundle:
    """Load the bundle in `folder`, and compare its id with `bundle_id` if that is given.

    Raises BundleError if a file is missing, changed, of another schema version, or does not fit the others.
    """
    actual_id, manifest = load_verified_manifest(folder, bundle_id)
    _check_required_files(folder, manifest)
    vocabulary = load_vocabulary(folder / VOCABULARY_FILE)
    item_embeddings = _load_item_embeddings(folder, manifest)
    baselines = load_baselines(folder / BASELINES_FILE)
    _check_shapes(folder, vocabulary, item_embeddings, baselines)
    return Bundle(actual_id, folder, manifest, vocabulary, item_embeddings, baselines)


def _check_required_files(folder: Path, manifest: Manifest) -> None:
    embeddings_file = _embeddings_file(manifest)
    is_full_bundle = embeddings_file == _stored_name(manifest, ITEM_EMBEDDINGS_FILE)
    required_files = {encoder_file_name(manifest.precision), VOCABULARY_FILE, BASELINES_FILE, GOLDEN_FILE}
    required_files |= {embeddings_file, encoder_file_name("fp32")} if is_full_bundle else {embeddings_file}
    missing_files = sorted(required_files - set(manifest.files))
    if missing_files:
        raise BundleError(str(folder), f"the manifest does not list {', '.join(missing_files)}", REBUILD_FIX)


def _embeddings_file(manifest: Manifest) -> str:
    """Return the name of the file that holds the bundle's item embeddings, or in an edge bundle their biases."""
    edge_files = (_stored_name(manifest, ITEM_EMBEDDINGS_INT8_FILE), ITEM_BIASES_FILE)
    return next((name for name in edge_files if name in manifest.files), _stored_name(manifest, ITEM_EMBEDDINGS_FILE))


def _stored_name(manifest: Manifest, file: str) -> str:
    """Return the name under which the bundle holds a file: the former one in a bundle of an earlier version."""
    former_name = FORMER_FILE_NAMES[file]
    return former_name if former_name in manifest.files else file


def _load_item_embeddings(folder: Path, manifest: Manifest) -> NDArray[np.float32]:
    """Return the item embeddings (V + 1, D) of a full or an edge bundle."""
    embeddings_file = _embeddings_file(manifest)
    if embeddings_file == _stored_name(manifest, ITEM_EMBEDDINGS_INT8_FILE):
        return load_int8_embeddings(folder / embeddings_file)
    if embeddings_file == ITEM_BIASES_FILE:
        quantized, scales = _load_encoder_embeddings(folder / encoder_file_name(manifest.precision))
        return _dequantize(quantized, scales.ravel(), np.load(folder / ITEM_BIASES_FILE, allow_pickle=False))
    # Memory-mapped: the gateway and the process that checks a bundle share its pages instead of holding copies.
    return np.asarray(np.load(folder / embeddings_file, mmap_mode="r", allow_pickle=False))


def _load_encoder_embeddings(path: Path) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return (int8 embeddings, scales) out of an edge bundle's encoder, where they are constant outputs."""
    import onnxruntime as ort

    try:
        session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        dummy_event = {x.name: np.ones((1, 1), np.int64) for x in session.get_inputs()}
        quantized, scales = session.run(list(ENCODER_EMBEDDING_OUTPUTS), dummy_event)
    except Exception as error:  # onnxruntime raises a dozen unrelated classes here
        raise BundleError(
            str(path), f"it gives no item embeddings ({str(error).splitlines()[0]})", REBUILD_FIX
        ) from error
    return quantized, scales


def _dequantize(
    quantized: NDArray[np.int8], scales: NDArray[np.float32], biases: NDArray[np.float32]
) -> NDArray[np.float32]:
    return np.concatenate([quantized * scales[:, None], biases[:, None]], axis=1).astype(np.float32)


def save_int8_embeddings(embeddings: NDArray[np.float32], path: Path) -> None:
    """Write item embeddings (V + 1, D) as int8 with one scale per row; the last column, the bias, stays float32.

    A bias is much larger than the other numbers of its row and would make their steps coarse.
    """
    weights = embeddings[:, :-1]
    scales = np.maximum(np.abs(weights).max(axis=1, initial=0), 1e-12) / 127  # (V + 1,)
    quantized = np.round(weights / scales[:, None]).astype(np.int8)
    np.savez_compressed(path, numbers=quantized, scales=scales.astype(np.float32), biases=embeddings[:, -1])


def load_int8_embeddings(path: Path) -> NDArray[np.float32]:
    """Return the float32 (V + 1, D) of a file of `save_int8_embeddings`. Raises BundleError for anything else."""
    quantized, scales, biases = load_arrays(path, ("numbers", "scales", "biases"), "item embeddings in int8")
    return _dequantize(quantized, scales, biases)


def save_vocabulary(vocabulary: Vocabulary, path: Path) -> None:
    """Write `vocabulary.npz`: plain arrays without pickles; equal vocabularies give equal bytes."""
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
    """Return the vocabulary in a file of `save_vocabulary`. Raises BundleError for anything else."""
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
    """Raise BundleError unless all files have one row for each item of the vocabulary."""
    n_rows = len(vocabulary) + 1
    sizes = {
        ITEM_EMBEDDINGS_FILE: len(item_embeddings),
        f"{BASELINES_FILE} popularity": len(baselines.popularity),
        f"{BASELINES_FILE} neighbours": len(baselines.neighbours),
        f"{BASELINES_FILE} rules": len(baselines.rules) or n_rows,  # older bundles hold no rules
    }
    for name, size in sizes.items():
        if size != n_rows:
            raise BundleError(f"{folder}/{name}", f"{size} rows, the vocabulary has {n_rows}", REBUILD_FIX)
    if item_embeddings.ndim != 2 or item_embeddings.dtype != np.float32 or not _all_finite(item_embeddings):
        what = f"expected finite float32 (V + 1, D), got {item_embeddings.dtype} {item_embeddings.shape}"
        raise BundleError(f"{folder}/{ITEM_EMBEDDINGS_FILE}", what, REBUILD_FIX)
    if item_embeddings[0].any():
        raise BundleError(f"{folder}/{ITEM_EMBEDDINGS_FILE}", "row 0 (padding) is not zero", REBUILD_FIX)


def _all_finite(embeddings: NDArray[np.float32]) -> bool:
    """Check a chunk of rows at a time: the mask of all of them would take a quarter of the embeddings' memory."""
    chunks = (embeddings[start : start + FINITE_CHECK_ROWS] for start in range(0, len(embeddings), FINITE_CHECK_ROWS))
    return all(bool(np.isfinite(part).all()) for part in chunks)
