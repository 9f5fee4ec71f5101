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

from freshet.content import Floats
from freshet.errors import LakeError
from freshet.references import ItemVectorsRef
from freshet.store import Store
from freshet.texts import Texts, packed, unpacked

FOLDER: Final = "item_vectors"
PUBLISHED: Final = "published/item_vectors.json"
REMAKE: Final = "materialize the asset `item_vectors` again"


@dataclass(frozen=True)
class ItemVectors:
    """(n,) items and by name their (n, D) vectors; zeros = it has none."""

    item_ids: Texts
    vectors: Mapping[str, Floats]

    def of(self, item_ids: Sequence[str]) -> dict[str, Floats]:
        """By name (m, D) for other items, in their order; zeros for those that are not here."""
        place = {item: row for row, item in enumerate(self.item_ids.tolist(), start=1)}
        rows = np.array([place.get(item, 0) for item in item_ids], dtype=np.int64)
        return {name: np.concatenate([np.zeros_like(v[:1]), v])[rows] for name, v in self.vectors.items() if len(v)}


def save_item_vectors(found: ItemVectors, store: Store) -> str:
    """Put the file into the lake; its name is the hash of its bytes."""
    buffer = io.BytesIO()
    vectors = {f"of_{name}": values for name, values in found.vectors.items()}
    arrays: dict[str, Any] = packed({"item_ids": found.item_ids, **vectors})
    np.savez(buffer, **arrays)
    content = buffer.getvalue()
    name = hashlib.sha256(content).hexdigest()
    store.put(f"{FOLDER}/{name}.npz", content)
    return name


def read_item_vectors(store: Store, name: str) -> ItemVectors:
    """Raises LakeError where the file is gone or has changed."""
    path = f"{FOLDER}/{name}.npz"
    content = store.get(path)
    if hashlib.sha256(content).hexdigest() != name:
        raise LakeError(store.where(path), "it has changed since it was written", REMAKE)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            own = unpacked({key: file[key] for key in file.files})
    except (ValueError, BadZipFile) as error:
        raise LakeError(store.where(path), f"it does not hold vectors ({error})", REMAKE) from None
    ids = own.pop("item_ids")
    return ItemVectors(ids, {key.removeprefix("of_"): values for key, values in own.items()})


def published_item_vectors(store: Store) -> ItemVectorsRef | None:
    """Which vectors the pipeline published last; None before the first."""
    return ItemVectorsRef.model_validate_json(store.get(PUBLISHED)) if store.exists(PUBLISHED) else None
