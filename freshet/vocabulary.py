"""Item id ↔ dense index, with what the catalogue says about each item."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from freshet.errors import BundleError
from freshet.history import Ints

TITLE_WORDS = 12  # words of a title that count
WORD_BUCKETS = 4096  # hashed; 0 = no word
CATEGORY_BUCKETS = 512  # hashed; 0 = no category
PRICE_BANDS = 16  # 0 = no price


@dataclass(frozen=True)
class Vocabulary:
    """Row `i` describes index `i`; row 0 is PAD and describes nothing."""

    item_ids: NDArray[np.str_]  # (V + 1,)
    titles: NDArray[np.str_]  # (V + 1,) "" = unknown
    categories: NDArray[np.str_]  # (V + 1,) "" = unknown
    prices: NDArray[np.float64]  # (V + 1,) in the shop's currency; NaN = unknown
    tombstones: NDArray[np.bool_]  # (V + 1,) delisted: never recommended
    generation: int = 1

    def __post_init__(self) -> None:
        sizes = {len(self.item_ids), len(self.titles), len(self.categories), len(self.prices), len(self.tombstones)}
        if len(sizes) != 1 or self.item_ids[0] != "" or len(self._index) != len(self.item_ids):
            raise BundleError(
                "vocabulary",
                "rows differ in length, row 0 is not padding, or an item id stands twice",
                "materialize the asset `vocabulary` again",
            )

    def __len__(self) -> int:
        """Items, without PAD."""
        return len(self.item_ids) - 1

    @cached_property
    def _index(self) -> dict[str, int]:
        return {str(item): i for i, item in enumerate(self.item_ids)}

    def index_of(self, item_ids: Sequence[str]) -> Ints:
        """(n,) vocabulary indexes; 0 where the item is not known."""
        return np.array([self._index.get(item, 0) for item in item_ids], dtype=np.int64)


@dataclass(frozen=True)
class ItemContent:
    """The item encoder's input beside the index: hashed, so that an item nobody has seen has it too."""

    words: Ints  # (n, TITLE_WORDS) 0 = no word
    categories: Ints  # (n,)
    price_bands: Ints  # (n,)


def bucket(text: str, buckets: int) -> int:
    """1 … buckets - 1, the same on every machine and in every run (blake2b, unlike Python's `hash`)."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return 1 + int.from_bytes(digest, "little") % (buckets - 1)


def title_words(title: str) -> list[str]:
    """The first TITLE_WORDS different words of a title, in lower case."""
    return list(dict.fromkeys(re.findall(r"\w+", title.lower())))[:TITLE_WORDS]


def price_band(prices: NDArray[np.float64]) -> Ints:
    """Half powers of ten: 0 = unknown, 1 = up to 0.1, …, cut to PRICE_BANDS - 1."""
    safe = np.where(np.isfinite(prices) & (prices > 0), prices, 0.1)
    bands = np.clip(np.floor(2 * np.log10(safe)).astype(np.int64) + 4, 1, PRICE_BANDS - 1)
    return np.where(np.isfinite(prices), bands, 0)


def content(titles: Sequence[str], categories: Sequence[str], prices: NDArray[np.float64]) -> ItemContent:
    """What is known of n items before anybody has clicked them."""
    words = np.zeros((len(titles), TITLE_WORDS), dtype=np.int64)
    for row, title in enumerate(titles):
        hashed = [bucket(word, WORD_BUCKETS) for word in title_words(str(title))]
        words[row, : len(hashed)] = hashed
    hashed_categories = [bucket(str(c), CATEGORY_BUCKETS) if c else 0 for c in categories]
    return ItemContent(words, np.array(hashed_categories, dtype=np.int64), price_band(prices))
