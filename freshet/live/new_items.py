"""Items that landed after a bundle was trained: known by their content, they stand in its lists at once.

The lake publishes what it knows of its newest items as one immutable folder, `new_items/<sha256>`. Whoever answers
from a bundle welcomes those that the bundle does not know: the item encoder gives each a vector, and from then on it is
scored, filtered and shown like any other. The shopper encoder does not read them: in a history they are unknown.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freshet.history import Ints
from freshet.live.baselines import Baselines
from freshet.live.bundle import Bundle
from freshet.live.item_encoder import ItemEncoder
from freshet.live.sealed import open_arrays, seal_arrays
from freshet.references import NewItemsRef
from freshet.store import Store
from freshet.texts import no_texts
from freshet.vocabulary import Vocabulary

FOLDER: Final = "new_items"
PUBLISHED: Final = "published/new_items.json"
REMAKE: Final = "materialize the asset `new_items` again"
TEXT, VECTOR = "text-", "vector-"  # before the names of further columns


@dataclass(frozen=True)
class NewItems:
    """The newest items of the lake. Row 0 is padding."""

    id: str
    items: Vocabulary


def save_new_items(items: Vocabulary, folder: Path) -> str:
    """Write the arrays and the manifest that seals them; the id is the manifest's hash."""
    arrays: dict[str, NDArray[Any]] = {
        "item_ids": items.item_ids, "titles": items.titles, "categories": items.categories, "prices": items.prices,
    }  # fmt: skip
    arrays |= {f"{TEXT}{name}": values for name, values in items.attributes.items()}
    arrays |= {f"{VECTOR}{name}": values for name, values in items.vectors.items()}
    return seal_arrays(arrays, {}, folder)


def open_new_items(folder: Path, name: str) -> NewItems:
    """The items in `folder`, whose id must be `name`. Raises BundleError where any byte of it has changed."""
    _, arrays = open_arrays(folder, name, REMAKE)
    ids, titles, categories, prices = (arrays[name] for name in ("item_ids", "titles", "categories", "prices"))
    attributes = {k.removeprefix(TEXT): values for k, values in arrays.items() if k.startswith(TEXT)}
    vectors = {k.removeprefix(VECTOR): values for k, values in arrays.items() if k.startswith(VECTOR)}
    alive = np.zeros(len(ids), dtype=np.bool_)
    return NewItems(name, Vocabulary(ids, titles, categories, prices, alive, attributes=attributes, vectors=vectors))


def published_new_items(store: Store) -> NewItemsRef | None:
    """Which new items the pipeline published last; None before the first."""
    return NewItemsRef.model_validate_json(store.get(PUBLISHED)) if store.exists(PUBLISHED) else None


def latest_new_items(store: Store, cache: Path) -> NewItems | None:
    """The newest published, None before the first. Raises LakeError or BundleError where they cannot be read."""
    ref = published_new_items(store)
    if ref is None:
        return None
    return open_new_items(store.fetch_folder(f"{FOLDER}/{ref.id}", cache.expanduser()), ref.id)


def welcomed(bundle: Bundle, encoder: ItemEncoder | None, items: Vocabulary) -> Bundle:
    """The bundle with those of `items` behind its own that it does not know and of which something is said."""
    there = (items.item_ids != "") & ~items.tombstones
    unknown = np.flatnonzero(there & (bundle.vocabulary.index_of(items.item_ids.tolist()) == 0))
    if encoder is None or len(unknown) == 0:
        return bundle
    vectors = encoder.encode(items.columns.rows(unknown))
    described = vectors.any(axis=1)  # all zeros: nothing that the encoder reads is known of it
    if not described.any():
        return bundle
    return replace(
        bundle,
        vocabulary=_behind(bundle.vocabulary, items, unknown[described]),
        item_vectors=np.concatenate([bundle.item_vectors, vectors[described]]),
        baselines=_without_demand(bundle.baselines, int(described.sum())),
    )


def _behind(own: Vocabulary, items: Vocabulary, rows: Ints) -> Vocabulary:
    nothing = no_texts(len(rows))
    more = {name: items.attributes[name][rows] if name in items.attributes else nothing for name in own.attributes}
    return Vocabulary(
        np.concatenate([own.item_ids, items.item_ids[rows]]),
        np.concatenate([own.titles, items.titles[rows]]),
        np.concatenate([own.categories, items.categories[rows]]),
        np.concatenate([own.prices, items.prices[rows]]),
        np.concatenate([own.tombstones, np.zeros(len(rows), np.bool_)]),
        own.generation,
        {name: np.concatenate([values, more[name]]) for name, values in own.attributes.items()},
        inputs=own.inputs,
        new=own.new + len(rows),
    )


def _without_demand(known: Baselines, count: int) -> Baselines:
    """Nobody was after them yet, and nothing is known to go with them."""
    width = known.neighbours.shape[1]
    return Baselines(
        np.concatenate([known.popularity, np.zeros(count, known.popularity.dtype)]),
        np.concatenate([known.neighbours, np.zeros((count, width), known.neighbours.dtype)]),
        np.concatenate([known.neighbour_scores, np.zeros((count, width), known.neighbour_scores.dtype)]),
        known.rules,
    )
