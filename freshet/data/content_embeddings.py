"""Vectors of items by name, as one immutable file of the lake: `item_vectors/<sha256>.npz`.

`text` is what a text encoder makes of the titles; any other name is what the shop itself landed, of its pictures say.
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
EMBEDDINGS_FOLDER: Final = "item_vectors"  # as earlier versions named it: training sets name files in it by their hash
REBUILD_FIX: Final = "materialize the asset `content_embeddings` again"


@dataclass(frozen=True)
class ContentEmbeddings:
    """(n,) items and by name their (n, D) vectors; zeros = it has none."""

    item_ids: TextArray
    vectors: Mapping[str, Float32s]

    def for_items(self, item_ids: Sequence[str]) -> dict[str, Float32s]:
        """By name (m, D) for other items, in their order; zeros for those that are not here."""
        row_of = {item: row for row, item in enumerate(self.item_ids.tolist(), start=1)}
        rows = np.array([row_of.get(item, 0) for item in item_ids], dtype=np.int64)
        return {name: np.concatenate([np.zeros_like(v[:1]), v])[rows] for name, v in self.vectors.items() if len(v)}


def save_content_embeddings(embeddings: ContentEmbeddings, store: Store) -> str:
    """Put the file into the lake; its name is the hash of its bytes."""
    buffer = io.BytesIO()
    vectors = {f"of_{name}": values for name, values in embeddings.vectors.items()}
    arrays: dict[str, Any] = pack_texts({"item_ids": embeddings.item_ids, **vectors})
    np.savez(buffer, **arrays)
    content = buffer.getvalue()
    name = hashlib.sha256(content).hexdigest()
    store.put(f"{EMBEDDINGS_FOLDER}/{name}.npz", content)
    return name


def read_content_embeddings(store: Store, name: str) -> ContentEmbeddings:
    """Raises LakeError where the file is gone or has changed."""
    path = f"{EMBEDDINGS_FOLDER}/{name}.npz"
    content = store.get(path)
    if hashlib.sha256(content).hexdigest() != name:
        raise LakeError(store.full_path(path), "it has changed since it was written", REBUILD_FIX)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = unpack_texts({key: file[key] for key in file.files})
    except (ValueError, BadZipFile) as error:
        raise LakeError(store.full_path(path), f"it does not hold vectors ({error})", REBUILD_FIX) from None
    ids = arrays.pop("item_ids")
    return ContentEmbeddings(ids, {key.removeprefix("of_"): values for key, values in arrays.items()})


def published_content_embeddings(store: Store) -> ContentEmbeddingsRef | None:
    """Return the reference to the content embeddings that were published last, None before the first."""
    return published(store, EMBEDDINGS_ASSET, ContentEmbeddingsRef)
