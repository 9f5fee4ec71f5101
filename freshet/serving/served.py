"""Everything that answers at one moment: a release, its ranker, its catalogue. Swapped whole, never changed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from freshet.content import Columns, known_prices
from freshet.history import Ints
from freshet.item_inputs import CATEGORY, TITLE
from freshet.live.bundle import Bundle
from freshet.live.item_encoder import ItemEncoder, open_item_encoder
from freshet.live.latest import LatestHistories
from freshet.live.new_items import NewItems, welcomed
from freshet.live.precomputed import Precomputed, Ready
from freshet.live.ranker import Device, Ranker, open_ranker
from freshet.live.released import Event
from freshet.live.scorer import Scores
from freshet.serving.catalogue import Catalogue
from freshet.serving.ledger import Content

LEAST: Final = 1e-9
THREADS: Final = 1  # of onnxruntime: requests wait for each other less than threads do


@dataclass(frozen=True)
class Serving:
    """One release, ready to answer."""

    number: int  # of the release; 0 while it is being proved
    ranker: Ranker
    catalogue: Catalogue
    item_encoder: ItemEncoder | None  # None for a bundle without one
    lengths: Scores  # (V + 1,) of the item vectors, at least LEAST: what a cosine divides by
    sealed: Bundle | None = None  # the bundle as it was released, where new items stand in the one that answers
    new_items: str = ""  # id of those

    @property
    def bundle(self) -> Bundle:
        """The bundle that answers."""
        return self.ranker.bundle

    def encode_items(self, contents: list[Content]) -> Scores:
        """(n, D) vectors of items known by their content only."""
        texts = {TITLE: np.array([c.title for c in contents]), CATEGORY: np.array([c.category for c in contents])}
        columns = Columns(texts, known_prices([c.price for c in contents]), {})
        return self.item_encoder.encode(columns)  # type: ignore[union-attr]

    def popularity(self, segment: str) -> Scores:
        """(V + 1,) what is popular in a category, before what is popular elsewhere; "": everywhere."""
        popular = self.bundle.baselines.popularity.astype(np.float32)
        if not segment:
            return popular
        return np.where(self.catalogue.in_categories([segment]), popular + popular.max(initial=0) + 1, popular)


@dataclass(frozen=True)
class Known:
    """What the lake knew of all shoppers when it was last published; None before that."""

    histories: LatestHistories | None = None
    lists: Precomputed | None = None
    lists_first: bool = False  # answer from a list made ahead before the encoder is asked

    def of(self, shopper: str) -> list[Event]:
        """The shopper's events, oldest first."""
        return [] if self.histories is None else self.histories.of(shopper)

    def list_of(self, shopper: str, bundle: str, events: list[Event]) -> Ready | None:
        """The shopper's list made ahead with this very bundle, where none of `events` is newer than it."""
        return None if self.lists is None else self.lists.of(shopper, bundle, events)


def open_serving(number: int, bundle: Bundle, device: Device = "cpu") -> Serving:
    """Start the encoders of a release's bundle.

    Raises BundleError when one does not load, SettingsError when CUDA is asked for and not there.
    """
    ranker = open_ranker(bundle, device=device, threads=THREADS)
    encoder = open_item_encoder(bundle, threads=THREADS)
    return Serving(number, ranker, Catalogue.of(bundle.vocabulary), encoder, lengths_of(bundle.item_vectors))


def lengths_of(item_vectors: Scores) -> Scores:
    """(V + 1,) once per bundle: they are read for every similar item, and summed without a copy of the vectors."""
    lengths: Scores = np.sqrt(np.einsum("ij,ij->i", item_vectors, item_vectors))
    return np.maximum(lengths, np.float32(LEAST))


def with_new_items(serving: Serving, new: NewItems | None) -> Serving:
    """The same release with the lake's newest items in its lists, in place of those that stood there before."""
    if new is None or new.id == serving.new_items:
        return serving
    sealed = serving.sealed or serving.bundle
    bundle = welcomed(sealed, serving.item_encoder, new.items)
    ranker, catalogue = replace(serving.ranker, bundle=bundle), Catalogue.of(bundle.vocabulary)
    lengths = lengths_of(bundle.item_vectors)
    return replace(serving, ranker=ranker, catalogue=catalogue, lengths=lengths, sealed=sealed, new_items=new.id)


def readable_items(serving: Serving, events: Sequence[Event]) -> Ints:
    """(n,) the indexes of a history's items that the shopper encoder reads."""
    found = serving.bundle.vocabulary.readable([event[0] for event in events])
    return found[found > 0]


def new_items(serving: Serving, events: Sequence[Event]) -> Ints:
    """(n,) the indexes of a history's items that came after the shopper encoder was trained."""
    found = serving.bundle.vocabulary.index_of([event[0] for event in events])
    return found[found > len(serving.bundle.vocabulary) - serving.bundle.vocabulary.new]


def known_items(serving: Serving, events: list[Event]) -> Ints:
    """(n,) the indexes of a history's items that the bundle knows."""
    found = serving.bundle.vocabulary.index_of([event[0] for event in events])
    return found[found > 0]
