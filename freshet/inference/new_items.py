"""New items: items that landed after a bundle was trained, recommended by their content without a new training.

The pipeline publishes the newest items as one immutable folder, `new_items/<sha256>`. Gateway, command line and
evaluation append the items that a bundle lacks: its item encoder gives each an embedding, and from then on they are
scored, filtered and shown like any other. The shopper encoder does not read them: in a history they are unknown.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freshet.artifacts import NewItemsRef
from freshet.data.history import Ints
from freshet.data.text_columns import blank_texts
from freshet.data.vocabulary import Vocabulary
from freshet.inference.array_folder import load_published, open_array_folder, save_array_folder
from freshet.inference.baselines import Baselines
from freshet.inference.bundle import Bundle
from freshet.inference.item_encoder import OnnxItemEncoder
from freshet.store import Store

NEW_ITEMS_FOLDER: Final = "new_items"  # also the name of the asset
REBUILD_FIX: Final = "materialize the asset `new_items` again"
TEXT_PREFIX, VECTOR_PREFIX = "text-", "vector-"  # of the arrays that hold further columns


@dataclass(frozen=True)
class NewItems:
    """The newest items of the lake; row 0 is padding."""

    id: str
    items: Vocabulary


def save_new_items(items: Vocabulary, folder: Path) -> str:
    """Write the arrays and the manifest that seals them; the id is the manifest's hash."""
    arrays: dict[str, NDArray[Any]] = {
        "item_ids": items.item_ids, "titles": items.titles, "categories": items.categories, "prices": items.prices,
    }  # fmt: skip
    arrays |= {f"{TEXT_PREFIX}{name}": values for name, values in items.attributes.items()}
    arrays |= {f"{VECTOR_PREFIX}{name}": values for name, values in items.content_embeddings.items()}
    return save_array_folder(arrays, {}, folder)


def open_new_items(folder: Path, expected_id: str) -> NewItems:
    """Return the new items in `folder`. Raises BundleError if a byte has changed, or the id is not `expected_id`."""
    _, arrays = open_array_folder(folder, expected_id, REBUILD_FIX)
    ids, titles, categories, prices = (arrays[name] for name in ("item_ids", "titles", "categories", "prices"))
    attributes = {k.removeprefix(TEXT_PREFIX): values for k, values in arrays.items() if k.startswith(TEXT_PREFIX)}
    vectors = {k.removeprefix(VECTOR_PREFIX): values for k, values in arrays.items() if k.startswith(VECTOR_PREFIX)}
    tombstones = np.zeros(len(ids), dtype=np.bool_)
    return NewItems(
        expected_id,
        Vocabulary(ids, titles, categories, prices, tombstones, attributes=attributes, content_embeddings=vectors),
    )


def load_new_items(store: Store, cache_dir: Path) -> NewItems | None:
    """Return the new items that were published last, None before the first; see `load_published`."""
    return load_published(store, NEW_ITEMS_FOLDER, NewItemsRef, cache_dir, open_new_items)


def with_new_items(bundle: Bundle, encoder: OnnxItemEncoder | None, items: Vocabulary) -> Bundle:
    """Append the items that the bundle does not have and that have usable content to its vocabulary."""
    is_available = (items.item_ids != "") & ~items.delisted
    unknown_rows = np.flatnonzero(is_available & (bundle.vocabulary.indices(items.item_ids.tolist()) == 0))
    if encoder is None or len(unknown_rows) == 0:
        return bundle
    embeddings = encoder.encode(items.item_attributes.take(unknown_rows))
    has_content = embeddings.any(axis=1)  # all zeros: no known content that the encoder reads
    if not has_content.any():
        return bundle
    return replace(
        bundle,
        vocabulary=_append_items(bundle.vocabulary, items, unknown_rows[has_content]),
        item_embeddings=np.concatenate([bundle.item_embeddings, embeddings[has_content]]),
        baselines=_append_cold_items(bundle.baselines, int(has_content.sum())),
    )


def _append_items(vocabulary: Vocabulary, items: Vocabulary, rows: Ints) -> Vocabulary:
    blank = blank_texts(len(rows))
    new_attributes = {
        name: items.attributes[name][rows] if name in items.attributes else blank for name in vocabulary.attributes
    }
    return Vocabulary(
        np.concatenate([vocabulary.item_ids, items.item_ids[rows]]),
        np.concatenate([vocabulary.titles, items.titles[rows]]),
        np.concatenate([vocabulary.categories, items.categories[rows]]),
        np.concatenate([vocabulary.prices, items.prices[rows]]),
        np.concatenate([vocabulary.delisted, np.zeros(len(rows), np.bool_)]),
        vocabulary.generation,
        {name: np.concatenate([values, new_attributes[name]]) for name, values in vocabulary.attributes.items()},
        item_schema=vocabulary.item_schema,
        n_new_items=vocabulary.n_new_items + len(rows),
    )


def _append_cold_items(baselines: Baselines, n_items: int) -> Baselines:
    """Append items without popularity and without neighbours."""
    n_neighbours = baselines.neighbours.shape[1]
    return Baselines(
        np.concatenate([baselines.popularity, np.zeros(n_items, baselines.popularity.dtype)]),
        np.concatenate([baselines.neighbours, np.zeros((n_items, n_neighbours), baselines.neighbours.dtype)]),
        np.concatenate(
            [baselines.neighbour_scores, np.zeros((n_items, n_neighbours), baselines.neighbour_scores.dtype)]
        ),
        baselines.rules,
    )
