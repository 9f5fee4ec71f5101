"""What a bundle's catalogue answers besides scores: which items a filter allows, and what is said of an item."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from freshet.history import Ints
from freshet.live.scorer import Mask
from freshet.serving.questions import Question, Shown
from freshet.vocabulary import Vocabulary


@dataclass(frozen=True)
class Catalogue:
    """A vocabulary made quick to filter and to show."""

    vocabulary: Vocabulary
    codes: dict[str, int]  # category → its number
    numbers: Ints  # (V + 1,) each item's category
    rows: list[tuple[str, str, str, float | None]]  # (V + 1,) id, title, category, price

    @classmethod
    def of(cls, vocabulary: Vocabulary) -> Self:
        """Once per bundle."""
        names, numbers = np.unique(vocabulary.categories, return_inverse=True)
        prices = [None if np.isnan(price) else round(float(price), 4) for price in vocabulary.prices]
        columns = (vocabulary.item_ids.tolist(), vocabulary.titles.tolist(), vocabulary.categories.tolist())
        rows = list(zip(*columns, prices, strict=True))
        return cls(vocabulary, {str(name): code for code, name in enumerate(names)}, numbers, rows)

    def in_categories(self, names: list[str]) -> Mask:
        """(V + 1,) the items of these categories; none of a category nobody knows."""
        return np.isin(self.numbers, [self.codes[name] for name in names if name and name in self.codes])

    def forbidden(self, question: Question, seen: Ints) -> Ints:
        """The indexes that the question does not want to see. seen: what the shopper has had to do with."""
        own = np.concatenate([self.vocabulary.index_of(question.exclude), seen if question.exclude_seen else seen[:0]])
        masks = self._masks(question)
        if not masks:
            return own
        outside: Ints = np.flatnonzero(~np.logical_and.reduce(masks))
        return np.concatenate([own, outside])

    def _masks(self, question: Question) -> list[Mask]:
        """One (V + 1,) per filter: what it lets through. An item without a price passes no price filter."""
        masks, prices = [], self.vocabulary.prices
        if question.only is not None:
            mask = np.zeros(len(prices), dtype=np.bool_)
            mask[self.vocabulary.index_of(question.only)] = True
            masks.append(mask)
        if question.categories is not None:
            masks.append(self.in_categories(question.categories))
        if question.price_min is not None:
            masks.append(prices >= question.price_min)
        if question.price_max is not None:
            masks.append(prices <= question.price_max)
        return masks

    def shown(self, indexes: list[int], scores: list[float]) -> list[Shown]:
        """Items as an answer shows them."""
        rows = [self.rows[index] for index in indexes]
        pairs = zip(rows, scores, strict=True)
        return [Shown(item, round(score, 6), title, category, price) for (item, title, category, price), score in pairs]
