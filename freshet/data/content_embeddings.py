"""Content embeddings: landed or pretrained vectors of items by name, in one immutable file of the lake.

`text` holds title embeddings of a text encoder; every other name holds vectors that the shop landed, e.g. of pictures.
"""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np

from freshet.artifacts import ContentEmbeddingsRef, published
from freshet.data.item_encoding import Float32s
from freshet.data.text_columns import TextArray, pack_texts, unpack_texts
from freshet.errors import LakeError
from freshet.store import Store

EMBEDDINGS_ASSET: Final = "content_embeddings"
EMBEDDINGS_FOLDER: Final = "item_vectors"  # the former name stays: training sets of earlier versions refer to its files
REBUILD_FIX: Final = "materialize the asset `content_embeddings` again"


@dataclass(frozen=True)
class ContentEmbeddings:
    """Vectors of n items by name."""

    item_ids: TextArray  # (n,)
    vectors: Mapping[str, Float32s]  # name → (n, D); zeros = unknown

    def for_items(self, item_ids: Sequence[str]) -> dict[str, Float32s]:
        """Return name → (m, D) for these items in their order; zeros for unknown items."""
        row_of = {item: row for row, item in enumerate(self.item_ids.tolist(), start=1)}
        rows = np.array([row_of.get(item, 0) for item in item_ids], dtype=np.int64)
        return {name: np.concatenate([np.zeros_like(v[:1]), v])[rows] for name, v in self.vectors.items() if len(v)}


def save_content_embeddings(embeddings: ContentEmbeddings, store: Store) -> str:
    """Store the file and return its id, the hash of its bytes."""
    buffer = io.BytesIO()
    vectors = {f"of_{name}": values for name, values in embeddings.vectors.items()}
    arrays: dict[str, Any] = pack_texts({"item_ids": embeddings.item_ids, **vectors})
    np.savez(buffer, **arrays)
    content = buffer.getvalue()
    name = hashlib.sha256(content).hexdigest()
    store.put(f"{EMBEDDINGS_FOLDER}/{name}.npz", content)
    return name


def read_content_embeddings(store: Store, name: str) -> ContentEmbeddings:
    """Read a file by its id. Raises LakeError if it is missing or has changed."""
    path = f"{EMBEDDINGS_FOLDER}/{name}.npz"
    content = store.get(path)
    if hashlib.sha256(content).hexdigest() != name:
        raise LakeError(store.full_path(path), "it has changed since it was written", REBUILD_FIX)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = unpack_texts({key: file[key] for key in file.files})
    except (ValueError, BadZipFile) as error:
        raise LakeError(store.full_path(path), f"it holds no vectors ({error})", REBUILD_FIX) from None
    ids = arrays.pop("item_ids")
    return ContentEmbeddings(ids, {key.removeprefix("of_"): values for key, values in arrays.items()})


def published_content_embeddings(store: Store) -> ContentEmbeddingsRef | None:
    """Return the reference to the content embeddings that were published last, None before the first."""
    return published(store, EMBEDDINGS_ASSET, ContentEmbeddingsRef)
