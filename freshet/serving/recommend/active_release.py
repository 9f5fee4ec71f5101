"""Everything that answers at one moment: a release, its ranker, its catalogue. Swapped whole, never changed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from freshet.data.history import Ints
from freshet.data.history_events import HistoryEvent
from freshet.data.item_encoding import ItemAttributes, price_array
from freshet.inference.bundle import Bundle
from freshet.inference.item_encoder import ItemEncoder, open_item_encoder
from freshet.inference.latest_histories import LatestHistories
from freshet.inference.new_items import NewItems, with_new_items
from freshet.inference.precomputed_lists import PrecomputedList, PrecomputedLists
from freshet.inference.ranker import Device, Ranker, open_ranker
from freshet.inference.scoring import Scores
from freshet.item_schema import CATEGORY, TITLE
from freshet.serving.events.event_store import ItemMetadata
from freshet.serving.recommend.filters import Catalogue

MIN_NORM: Final = 1e-9
ONNX_THREADS: Final = 1  # of onnxruntime: requests wait for each other less than threads do


@dataclass(frozen=True)
class LoadedRelease:
    """One release, ready to answer."""

    number: int  # of the release; 0 while it is being proved
    ranker: Ranker
    catalogue: Catalogue
    item_encoder: ItemEncoder | None  # None for a bundle without one
    item_norms: Scores  # (V + 1,) of the item vectors, at least LEAST: what a cosine divides by
    released_bundle: Bundle | None = (
        None  # the bundle as it was released, where new items stand in the one that answers
    )
    new_items_id: str = ""  # id of those

    @property
    def bundle(self) -> Bundle:
        """The bundle that answers."""
        return self.ranker.bundle

    def encode_items(self, items: list[ItemMetadata]) -> Scores:
        """(n, D) vectors of items known by their content only."""
        texts = {TITLE: np.array([c.title for c in items]), CATEGORY: np.array([c.category for c in items])}
        attributes = ItemAttributes(texts, price_array([c.price for c in items]), {})
        return self.item_encoder.encode(attributes)  # type: ignore[union-attr]

    def popularity(self, category: str) -> Scores:
        """(V + 1,) what is popular in a category, before what is popular elsewhere; "": everywhere."""
        scores = self.bundle.baselines.popularity.astype(np.float32)
        if not category:
            return scores
        return np.where(self.catalogue.category_mask([category]), scores + scores.max(initial=0) + 1, scores)


@dataclass(frozen=True)
class LakeSnapshots:
    """What the lake knew of all shoppers when it was last published; None before that."""

    histories: LatestHistories | None = None
    lists: PrecomputedLists | None = None
    lists_first: bool = False  # answer from a list made ahead before the encoder is asked

    def shopper_events(self, shopper: str) -> list[HistoryEvent]:
        """The shopper's events, oldest first."""
        return [] if self.histories is None else self.histories.for_shopper(shopper)

    def precomputed_list(self, shopper: str, bundle_id: str, events: list[HistoryEvent]) -> PrecomputedList | None:
        """The shopper's list made ahead with this very bundle, where none of `events` is newer than it."""
        return None if self.lists is None else self.lists.for_shopper(shopper, bundle_id, events)


def load_release(number: int, bundle: Bundle, device: Device = "cpu") -> LoadedRelease:
    """Start the encoders of a release's bundle.

    Raises BundleError when one does not load, SettingsError when CUDA is asked for and not there.
    """
    ranker = open_ranker(bundle, device=device, threads=ONNX_THREADS)
    item_encoder = open_item_encoder(bundle, threads=ONNX_THREADS)
    return LoadedRelease(
        number,
        ranker,
        Catalogue.from_vocabulary(bundle.vocabulary),
        item_encoder,
        compute_norms(bundle.item_embeddings),
    )


def compute_norms(item_embeddings: Scores) -> Scores:
    """(V + 1,) once per bundle: they are read for every similar item, and summed without a copy of the vectors."""
    norms: Scores = np.sqrt(np.einsum("ij,ij->i", item_embeddings, item_embeddings))
    return np.maximum(norms, np.float32(MIN_NORM))


def release_with_new_items(release: LoadedRelease, snapshot: NewItems | None) -> LoadedRelease:
    """The same release with the lake's newest items in its lists, in place of those that stood there before."""
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
    """(n,) the indexes of a history's items that the shopper encoder reads."""
    indexes = release.bundle.vocabulary.trained_indices([event.item_id for event in events])
    return indexes[indexes > 0]


def new_item_indexes(release: LoadedRelease, events: Sequence[HistoryEvent]) -> Ints:
    """(n,) the indexes of a history's items that came after the shopper encoder was trained."""
    indexes = release.bundle.vocabulary.indices([event.item_id for event in events])
    return indexes[indexes > len(release.bundle.vocabulary) - release.bundle.vocabulary.n_new_items]


def known_items(release: LoadedRelease, events: list[HistoryEvent]) -> Ints:
    """(n,) the indexes of a history's items that the bundle knows."""
    indexes = release.bundle.vocabulary.indices([event.item_id for event in events])
    return indexes[indexes > 0]
