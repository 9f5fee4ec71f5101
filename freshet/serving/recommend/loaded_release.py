"""A release in memory: its ranker, catalogue and item encoder. Immutable: the gateway replaces it as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from freshet.data.history import Ints
from freshet.data.history_events import HistoryEvent
from freshet.data.item_encoding import ItemAttributes, price_array
from freshet.inference.bundle import Bundle
from freshet.inference.item_encoder import OnnxItemEncoder, open_item_encoder
from freshet.inference.new_items import NewItems, with_new_items
from freshet.inference.ranker import Device, Ranker, open_ranker
from freshet.inference.scoring import Scores
from freshet.item_schema import CATEGORY, TITLE
from freshet.serving.events.event_store import ItemMetadata
from freshet.serving.recommend.filters import Catalogue

MIN_NORM: Final = 1e-9
ONNX_THREADS: Final = 1  # per onnxruntime session; more threads are slower under concurrent requests


@dataclass(frozen=True)
class LoadedRelease:
    """A release that is ready to serve."""

    number: int  # of the release; 0 in a bundle check
    ranker: Ranker
    catalogue: Catalogue
    item_encoder: OnnxItemEncoder | None  # None for a bundle without one
    item_norms: Scores  # (V + 1,) of the item embeddings, at least MIN_NORM: divisors of cosines
    released_bundle: Bundle | None = None  # without new items; None if `bundle` has none
    new_items_id: str = ""  # id of the new items in `bundle`

    @property
    def bundle(self) -> Bundle:
        """The bundle that serves, with new items."""
        return self.ranker.bundle

    def encode_items(self, items: list[ItemMetadata]) -> Scores:
        """Return (n, D) embeddings of items from their content."""
        texts = {TITLE: np.array([c.title for c in items]), CATEGORY: np.array([c.category for c in items])}
        attributes = ItemAttributes(texts, price_array([c.price for c in items]), {})
        return self.item_encoder.encode(attributes)  # type: ignore[union-attr]

    def popularity(self, category: str) -> Scores:
        """Return (V + 1,) popularity scores; items of `category` come before all others, unless it is ""."""
        scores = self.bundle.baselines.popularity.astype(np.float32)
        if not category:
            return scores
        return np.where(self.catalogue.category_mask([category]), scores + scores.max(initial=0) + 1, scores)


def load_release(number: int, bundle: Bundle, device: Device = "cpu") -> LoadedRelease:
    """Open the encoders of a release's bundle.

    Raises BundleError if one does not load, SettingsError if CUDA is configured but not available.
    """
    ranker = open_ranker(bundle, device=device, threads=ONNX_THREADS)
    item_encoder = open_item_encoder(bundle, threads=ONNX_THREADS)
    return LoadedRelease(
        number=number,
        ranker=ranker,
        catalogue=Catalogue.from_vocabulary(bundle.vocabulary),
        item_encoder=item_encoder,
        item_norms=compute_norms(bundle.item_embeddings),
    )


def compute_norms(item_embeddings: Scores) -> Scores:
    """Return the (V + 1,) norms of the embeddings, without a copy of them."""
    norms: Scores = np.sqrt(np.einsum("ij,ij->i", item_embeddings, item_embeddings))
    return np.maximum(norms, np.float32(MIN_NORM))


def release_with_new_items(release: LoadedRelease, snapshot: NewItems | None) -> LoadedRelease:
    """Return the release with the new items of `snapshot` in place of those it has."""
    if snapshot is None or snapshot.id == release.new_items_id:
        return release
    released_bundle = release.released_bundle or release.bundle
    bundle = with_new_items(released_bundle, release.item_encoder, snapshot.items)
    ranker, catalogue = replace(release.ranker, bundle=bundle), Catalogue.from_vocabulary(bundle.vocabulary)
    item_norms = compute_norms(bundle.item_embeddings)
    return replace(
        release,
        ranker=ranker,
        catalogue=catalogue,
        item_norms=item_norms,
        released_bundle=released_bundle,
        new_items_id=snapshot.id,
    )


def readable_items(release: LoadedRelease, events: Sequence[HistoryEvent]) -> Ints:
    """Return (n,) the indices of the history's items that the shopper encoder was trained on."""
    indexes = release.bundle.vocabulary.trained_indices([event.item_id for event in events])
    return indexes[indexes > 0]


def new_item_indexes(release: LoadedRelease, events: Sequence[HistoryEvent]) -> Ints:
    """Return (n,) the indices of the history's new items: in the bundle, but not in the encoder's training."""
    indexes = release.bundle.vocabulary.indices([event.item_id for event in events])
    return indexes[indexes > len(release.bundle.vocabulary) - release.bundle.vocabulary.n_new_items]


def known_items(release: LoadedRelease, events: list[HistoryEvent]) -> Ints:
    """Return (n,) the indices of the history's items that are in the bundle."""
    indexes = release.bundle.vocabulary.indices([event.item_id for event in events])
    return indexes[indexes > 0]
