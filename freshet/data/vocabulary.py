"""The vocabulary: item id ↔ dense index, with each item's catalogue attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from freshet.data.history import Ints
from freshet.data.item_encoding import Float32s, ItemAttributes
from freshet.data.text_columns import TextArray
from freshet.errors import BundleError
from freshet.item_schema import CATEGORY, DEFAULT_SCHEMA, TITLE, ItemSchema


@dataclass(frozen=True)
class Vocabulary:
    """Row `i` describes index `i`; row 0 is padding."""

    item_ids: TextArray  # (V + 1,)
    titles: TextArray  # (V + 1,) "" = unknown
    categories: TextArray  # (V + 1,) "" = unknown
    prices: NDArray[np.float64]  # (V + 1,) in the shop's currency; NaN = unknown
    delisted: NDArray[np.bool_]  # (V + 1,) never recommended
    generation: int = 1
    attributes: Mapping[str, TextArray] = field(default_factory=dict)  # further catalogue columns, (V + 1,) each
    content_embeddings: Mapping[str, Float32s] = field(default_factory=dict)  # (V + 1, D) each; zeros = unknown
    item_schema: ItemSchema = DEFAULT_SCHEMA  # the columns that a model reads
    n_new_items: int = 0  # number of last items that are newer than the shopper encoder, which does not read them

    def __post_init__(self) -> None:
        item_columns = (*self.attributes.values(), *self.content_embeddings.values())
        sizes = {len(self.item_ids), len(self.titles), len(self.categories), len(self.prices), len(self.delisted)}
        sizes |= {len(values) for values in item_columns}
        if len(sizes) != 1 or self.item_ids[0] != "" or len(self._index) != len(self.item_ids):
            raise BundleError(
                "vocabulary",
                "rows differ in length, row 0 is not padding, or an item id is repeated",
                "materialize the asset `vocabulary` again",
            )

    def __len__(self) -> int:
        """Number of items, without padding."""
        return len(self.item_ids) - 1

    @cached_property
    def excluded_items(self) -> NDArray[np.bool_]:
        """(V + 1,) rows that are never recommended: padding and delisted items."""
        excluded = self.delisted.copy()
        excluded[0] = True
        return excluded

    @cached_property
    def _index(self) -> dict[str, int]:
        return {str(item): i for i, item in enumerate(self.item_ids)}

    def indices(self, item_ids: Sequence[str]) -> Ints:
        """Return (n,) vocabulary indices, 0 for unknown items."""
        return np.array([self._index.get(item, 0) for item in item_ids], dtype=np.int64)

    def trained_indices(self, item_ids: Sequence[str]) -> Ints:
        """Return (n,) indices for the shopper encoder: 0 for unknown items and for items newer than its training."""
        indices = self.indices(item_ids)
        return np.where(indices <= len(self) - self.n_new_items, indices, 0)

    @property
    def item_attributes(self) -> ItemAttributes:
        """The attributes of all rows."""
        texts = {TITLE: self.titles, CATEGORY: self.categories, **self.attributes}
        return ItemAttributes(texts, self.prices, self.content_embeddings)
