"""The asset `content_embeddings`: vectors that the shop landed, and title embeddings of a text encoder."""

import io
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from freshet.artifacts import ContentEmbeddingsRef
from freshet.data.content_embeddings import EMBEDDINGS_ASSET, ContentEmbeddings, save_content_embeddings
from freshet.data.item_encoding import Float32s
from freshet.data.text_columns import text_array
from freshet.errors import LandingError
from freshet.settings import Settings
from freshet.steps.step_result import StepResult, store_if_passed
from freshet.steps.text_encoder import TextEncoder, encode_texts, text_encoder
from freshet.store import Store
from freshet.tables.reader import load_vocabulary, scan_table

if TYPE_CHECKING:
    import pyarrow as pa

LANDING_FOLDER: Final = "landing/content_embeddings"  # landing/content_embeddings/<name>/….parquet: item_id, vector
FORMER_LANDING_FOLDER: Final = "landing/item_vectors"  # of earlier versions; still read
TEXT_EMBEDDING: Final = "text"

log = logging.getLogger("freshet")


@dataclass(frozen=True)
class EmbeddingResult:
    """Content embeddings with counts."""

    embeddings: ContentEmbeddings
    n_encoded: int  # texts that were encoded now, not read from the cache
    dim_mismatches: int  # landed vectors whose length differs from the most frequent one of their name
    missing_reason: str  # why there are no embeddings; "" if there are some


def make_content_embeddings(
    settings: Settings, store: Store, progress: Callable[[int, int], None] = lambda *_: None
) -> StepResult[EmbeddingResult, ContentEmbeddingsRef]:
    """Collect embeddings for every item of the published vocabulary and store them if the gate passes.

    progress: called with (texts encoded, texts to encode). No embeddings at all are a valid result. Raises SetupError
    if the text encoder is not installed, LandingError if a landed file cannot be read.
    """
    vocabulary = load_vocabulary(scan_table(settings, "vocabulary"), settings.item_feature_schema)
    result = collect_embeddings(
        vocabulary.item_ids[1:].tolist(), vocabulary.titles[1:].tolist(), text_encoder(settings), store, progress
    )
    dims = {name: int(vectors.shape[1]) for name, vectors in result.embeddings.vectors.items()}
    return store_if_passed(
        EMBEDDINGS_ASSET,
        profile_embeddings(result),
        settings,
        value=result,
        store_artifact=lambda: ContentEmbeddingsRef(id=save_content_embeddings(result.embeddings, store), dims=dims),
    )


def collect_embeddings(
    item_ids: list[str],
    titles: list[str],
    encoder: TextEncoder | None,
    store: Store,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> EmbeddingResult:
    """Return landed vectors by name, and title embeddings as `text` unless vectors of that name were landed."""
    embeddings, dim_mismatches, n_encoded = {}, 0, 0
    for name, folders in _landing_folders(store).items():
        landed_vectors = _read_landed(store, folders)
        embeddings[name], mismatches = _align_to_items(item_ids, landed_vectors)
        dim_mismatches += mismatches
    if encoder is not None and TEXT_EMBEDDING not in embeddings:
        encoded_titles = encode_texts(titles, encoder, store, progress)
        embeddings[TEXT_EMBEDDING], n_encoded = encoded_titles.vectors, encoded_titles.n_encoded
    missing_reason = (
        "" if embeddings else f"FRESHET_TEXT_ENCODER is off, and there are no vectors in {LANDING_FOLDER}/<name>"
    )
    return EmbeddingResult(
        ContentEmbeddings(text_array(item_ids), embeddings), n_encoded, dim_mismatches, missing_reason
    )


def _landing_folders(store: Store) -> dict[str, list[str]]:
    """Return name → the landing folders that hold its vectors, the former folder first."""
    folders: dict[str, list[str]] = {}
    for landing_folder in (FORMER_LANDING_FOLDER, LANDING_FOLDER):
        for name in store.list_folders(landing_folder):
            folders.setdefault(name, []).append(f"{landing_folder}/{name}")
    if any(path.startswith(FORMER_LANDING_FOLDER) for paths in folders.values() for path in paths):
        log.info("reading %s, too: its name is now %s", FORMER_LANDING_FOLDER, LANDING_FOLDER)
    return folders


def _read_landed(store: Store, folders: Sequence[str]) -> dict[str, Float32s]:
    """Return item id → vector; of several files the last one counts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    embeddings: dict[str, Float32s] = {}
    for path in (file for folder in folders for file in store.list(folder)):
        try:
            rows = pq.read_table(io.BytesIO(store.get(path)), columns=["item_id", "vector"]).combine_chunks()
            embeddings |= _embeddings_by_item(rows)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, KeyError) as error:
            what = f"it cannot be read ({str(error).splitlines()[0]})"
            fix = "write parquet with the columns item_id and vector, a list of numbers"
            raise LandingError(store.full_path(path), what, fix) from None
    return embeddings


def _embeddings_by_item(rows: "pa.Table") -> dict[str, Float32s]:
    """Return item id → vector, views of one array: Python lists would take 13 times the memory."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = rows.filter(pc.is_valid(rows["vector"]))
    vectors = rows["vector"].cast(pa.large_list(pa.float32()))
    values = pc.list_flatten(vectors).to_numpy()
    ends = np.cumsum(pc.list_value_length(vectors).to_numpy())
    return dict(zip(map(str, rows["item_id"].to_pylist()), np.split(values, ends)[:-1], strict=True))


def _align_to_items(item_ids: list[str], landed_vectors: Mapping[str, Float32s]) -> tuple[Float32s, int]:
    """Return the (n, D) matrix, zeros for missing vectors and those of another length, and how many the latter are.

    D is the most frequent length.
    """
    dims, counts = np.unique([len(vector) for vector in landed_vectors.values()] or [0], return_counts=True)
    dim = int(dims[counts.argmax()])
    matrix = np.zeros((len(item_ids), dim), dtype=np.float32)
    for row, item_id in enumerate(item_ids):
        if len(vector := landed_vectors.get(item_id, matrix[row])) == dim:
            matrix[row] = vector
    return matrix, sum(len(vector) != dim for vector in landed_vectors.values())


def profile_embeddings(result: EmbeddingResult) -> Mapping[str, object]:
    """Return the gate's inputs: the worst value over all names."""
    embeddings = result.embeddings.vectors
    shares = {name: float((vectors != 0).any(axis=1).mean()) for name, vectors in embeddings.items() if len(vectors)}
    least_covered = min(shares, key=lambda name: shares[name], default="")
    return {
        "items": len(result.embeddings.item_ids),
        "dim_mismatch": result.dim_mismatches,
        "not_finite": sum(int((~np.isfinite(vectors)).any(axis=1).sum()) for vectors in embeddings.values()),
        "min_coverage": shares.get(least_covered, 1.0),
        "least_covered": least_covered,
    }
