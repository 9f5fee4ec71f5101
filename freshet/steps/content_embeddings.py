"""The asset `content_embeddings`, without Dagster: vectors that the shop landed, and those that a text encoder makes."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from freshet.artifacts import ContentEmbeddingsRef
from freshet.data.content_embeddings import ContentEmbeddings, save_content_embeddings
from freshet.data.item_encoding import Float32s
from freshet.data.text_columns import text_array
from freshet.errors import LandingError
from freshet.settings import Settings
from freshet.steps.step_result import StepResult, run_gate
from freshet.steps.text_encoder import TextEncoder, encode_texts, text_encoder
from freshet.store import Store
from freshet.tables.reader import load_vocabulary, scan_table

if TYPE_CHECKING:
    import pyarrow as pa

LANDING_FOLDER: Final = "landing/item_vectors"  # landing/item_vectors/<name>/….parquet: item_id, vector
TEXT_EMBEDDING: Final = "text"


@dataclass(frozen=True)
class EmbeddingResult:
    """The vectors, how many texts were encoded for them, and why there are none where there are none."""

    embeddings: ContentEmbeddings
    n_encoded: int
    dim_mismatches: int  # landed vectors of another length than most of their name
    missing_reason: str


def make_content_embeddings(
    settings: Settings, store: Store, progress: Callable[[int, int], None] = lambda *_: None
) -> StepResult[EmbeddingResult, ContentEmbeddingsRef]:
    """Vectors for every item of the published vocabulary, published if the gate passes; none is a result, too.

    tell: (texts encoded, texts to encode). Raises SetupError where the text encoder is not installed, LandingError
    where a landed file cannot be read.
    """
    vocabulary = load_vocabulary(scan_table(settings, "vocabulary"), settings.item_feature_schema)
    result = collect_embeddings(
        vocabulary.item_ids[1:].tolist(), vocabulary.titles[1:].tolist(), text_encoder(settings), store, progress
    )
    gate = run_gate("content_embeddings", _profile(result), settings)
    if gate.refusal_reasons():
        return StepResult(gate, result, None)
    dims = {name: int(vectors.shape[1]) for name, vectors in result.embeddings.vectors.items()}
    return StepResult(
        gate, result, ContentEmbeddingsRef(id=save_content_embeddings(result.embeddings, store), dims=dims)
    )


def collect_embeddings(
    item_ids: list[str],
    titles: list[str],
    encoder: TextEncoder | None,
    store: Store,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> EmbeddingResult:
    """What was landed by name, and `text` where there is an encoder: landed vectors of that name go before it."""
    embeddings, dim_mismatches, n_encoded = {}, 0, 0
    for name in store.list_folders(LANDING_FOLDER):
        landed_vectors = _read_landed(store, name)
        embeddings[name], mismatches = _align_to_items(item_ids, landed_vectors)
        dim_mismatches += mismatches
    if encoder is not None and TEXT_EMBEDDING not in embeddings:
        encoded_titles = encode_texts(titles, encoder, store, progress)
        embeddings[TEXT_EMBEDDING], n_encoded = encoded_titles.vectors, encoded_titles.n_encoded
    missing_reason = "" if embeddings else f"FRESHET_TEXT_ENCODER is off, and no vectors lie in {LANDING_FOLDER}/<name>"
    return EmbeddingResult(
        ContentEmbeddings(text_array(item_ids), embeddings), n_encoded, dim_mismatches, missing_reason
    )


def _read_landed(store: Store, name: str) -> dict[str, Float32s]:
    """Item → its vector in the last file, by name, that has one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    embeddings: dict[str, Float32s] = {}
    for path in store.list(f"{LANDING_FOLDER}/{name}"):
        try:
            rows = pq.read_table(io.BytesIO(store.get(path)), columns=["item_id", "vector"]).combine_chunks()
            embeddings |= _embeddings_by_item(rows)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, KeyError) as error:
            what = f"it cannot be read ({str(error).splitlines()[0]})"
            fix = "write parquet with the columns item_id and vector, a list of numbers"
            raise LandingError(store.full_path(path), what, fix) from None
    return embeddings


def _embeddings_by_item(rows: "pa.Table") -> dict[str, Float32s]:
    """Item → its vector, views of one array: a Python object for each number would take 13 times the room."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = rows.filter(pc.is_valid(rows["vector"]))
    vectors = rows["vector"].cast(pa.large_list(pa.float32()))
    values = pc.list_flatten(vectors).to_numpy()
    ends = np.cumsum(pc.list_value_length(vectors).to_numpy())
    return dict(zip(map(str, rows["item_id"].to_pylist()), np.split(values, ends)[:-1], strict=True))


def _align_to_items(item_ids: list[str], landed_vectors: Mapping[str, Float32s]) -> tuple[Float32s, int]:
    """(n, D) with zeros where there is none or one of another length than most; and how many of those there were."""
    dims, counts = np.unique([len(vector) for vector in landed_vectors.values()] or [0], return_counts=True)
    dim = int(dims[counts.argmax()])
    matrix = np.zeros((len(item_ids), dim), dtype=np.float32)
    for row, item_id in enumerate(item_ids):
        if len(vector := landed_vectors.get(item_id, matrix[row])) == dim:
            matrix[row] = vector
    return matrix, sum(len(vector) != dim for vector in landed_vectors.values())


def _profile(result: EmbeddingResult) -> Mapping[str, object]:
    """The worst of all names; what holds for no name at all holds."""
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
