"""The bundle's catalogue: request filters over its items, and the items as responses show them."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from freshet.data.history import Ints
from freshet.data.vocabulary import Vocabulary
from freshet.inference.scoring import Mask
from freshet.serving.schemas.recommendation_schema import ItemResult, RecommendationRequest


@dataclass(frozen=True)
class Catalogue:
    """A vocabulary with lookup tables for filters and responses."""

    vocabulary: Vocabulary
    category_codes: dict[str, int]  # category → code
    item_categories: Ints  # (V + 1,) category codes
    item_rows: list[tuple[str, str, str, float | None]]  # (V + 1,) id, title, category, price

    @classmethod
    def from_vocabulary(cls, vocabulary: Vocabulary) -> Self:
        """Build the tables; once per bundle."""
        names, item_categories = np.unique(vocabulary.categories, return_inverse=True)
        prices = [None if np.isnan(price) else round(float(price), 4) for price in vocabulary.prices]
        columns = (vocabulary.item_ids.tolist(), vocabulary.titles.tolist(), vocabulary.categories.tolist())
        rows = list(zip(*columns, prices, strict=True))
        return cls(vocabulary, {str(name): code for code, name in enumerate(names)}, item_categories, rows)

    def category_mask(self, names: list[str]) -> Mask:
        """Return (V + 1,) whether each item is in one of these categories; unknown categories match no item."""
        return np.isin(
            self.item_categories, [self.category_codes[name] for name in names if name and name in self.category_codes]
        )

    def excluded_items(self, request: RecommendationRequest, seen_items: Ints) -> Ints:
        """Return the indices that the request excludes. seen_items: indices of the shopper's history."""
        excluded = np.concatenate(
            [self.vocabulary.indices(request.exclude), seen_items if request.exclude_seen else seen_items[:0]]
        )
        masks = self._filter_masks(request)
        if not masks:
            return excluded
        filtered_out: Ints = np.flatnonzero(~np.logical_and.reduce(masks))
        return np.concatenate([excluded, filtered_out])

    def _filter_masks(self, request: RecommendationRequest) -> list[Mask]:
        """Return one (V + 1,) mask of allowed items per filter. An item without a price passes no price filter."""
        masks, prices = [], self.vocabulary.prices
        if request.only is not None:
            mask = np.zeros(len(prices), dtype=np.bool_)
            mask[self.vocabulary.indices(request.only)] = True
            masks.append(mask)
        if request.categories is not None:
            masks.append(self.category_mask(request.categories))
        if request.price_min is not None:
            masks.append(prices >= request.price_min)
        if request.price_max is not None:
            masks.append(prices <= request.price_max)
        return masks

    def item_results(self, indexes: list[int], scores: list[float]) -> list[ItemResult]:
        """Return the items as a response shows them."""
        rows = [self.item_rows[index] for index in indexes]
        pairs = zip(rows, scores, strict=True)
        return [
            ItemResult(item, round(score, 6), title, category, price) for (item, title, category, price), score in pairs
        ]
