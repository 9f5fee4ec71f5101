"""Everything that answers at one moment: a release, its ranker, its catalogue. Swapped whole, never changed."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from freshet.errors import BundleError
from freshet.history import Ints
from freshet.live.bundle import ITEM_ENCODER, Bundle
from freshet.live.latest import LatestHistories
from freshet.live.manifest import REBUILD
from freshet.live.ranker import Ranker, open_ranker, open_session
from freshet.live.released import Event
from freshet.live.scorer import Scores
from freshet.serving.catalogue import Catalogue
from freshet.serving.ledger import Content
from freshet.vocabulary import content

THREADS: Final = 1  # of onnxruntime: requests wait for each other less than threads do
INPUTS: Final = {"items", "words", "categories", "price_bands"}


@dataclass(frozen=True)
class Serving:
    """One release, ready to answer."""

    number: int  # of the journal's entry; 0 while it is being proved
    ranker: Ranker
    catalogue: Catalogue
    item_encoder: Any | None  # onnxruntime.InferenceSession; None for a bundle without one

    @property
    def bundle(self) -> Bundle:
        """The bundle that answers."""
        return self.ranker.bundle

    def encode_items(self, contents: list[Content]) -> Scores:
        """(n, D) vectors of items known by their content only."""
        prices = np.array([np.nan if c.price is None else c.price for c in contents])
        known = content([c.title for c in contents], [c.category for c in contents], prices)
        feed = {"items": np.zeros(len(contents), dtype=np.int64), "words": known.words}
        feed |= {"categories": known.categories, "price_bands": known.price_bands}
        vectors: Scores = self.item_encoder.run(["vectors"], feed)[0]  # type: ignore[union-attr]
        return vectors

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

    def of(self, shopper: str) -> list[Event]:
        """The shopper's events, oldest first."""
        return [] if self.histories is None else self.histories.of(shopper)


def open_serving(number: int, bundle: Bundle) -> Serving:
    """Start the encoders of a release's bundle. Raises BundleError when one does not load."""
    ranker = open_ranker(bundle, threads=THREADS)
    return Serving(number, ranker, Catalogue.of(bundle.vocabulary), _item_encoder(bundle))


def known_items(serving: Serving, events: list[Event]) -> Ints:
    """(n,) the indexes of a history's items that the bundle knows."""
    found = serving.bundle.vocabulary.index_of([event[0] for event in events])
    return found[found > 0]


def _item_encoder(bundle: Bundle) -> Any | None:
    if ITEM_ENCODER not in bundle.manifest.files:
        return None
    session = open_session(bundle, ITEM_ENCODER, threads=THREADS)
    if {x.name for x in session.get_inputs()} != INPUTS:
        what = f"it does not take {', '.join(sorted(INPUTS))}"
        raise BundleError(f"{bundle.folder}/{ITEM_ENCODER}", what, REBUILD)
    return session
