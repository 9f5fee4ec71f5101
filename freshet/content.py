"""What is known of an item beside its id, as the item encoder reads it: columns of the catalogue through a schema."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freshet import codes
from freshet.errors import FreshetError
from freshet.history import Ints
from freshet.item_inputs import PRICE, Field, Kind, Schema
from freshet.texts import Texts, no_texts, texts

Floats = NDArray[np.float32]

WORD_BUCKETS: Final = 4096  # at least; 0 = no word
CATEGORY_BUCKETS: Final = 512  # at least; 0 = none
MOST_BUCKETS: Final = 1 << 16


@dataclass(frozen=True)
class Columns:
    """What the catalogue says of n items: texts ("" = unknown), prices (NaN = unknown), vectors (zeros = unknown)."""

    texts: Mapping[str, Texts]  # title, category and attributes, (n,) each
    prices: NDArray[np.float64]  # (n,)
    vectors: Mapping[str, Floats]  # (n, D) each

    def __len__(self) -> int:
        return len(self.prices)

    def rows(self, rows: Ints) -> "Columns":
        """What is said of some of the items."""
        texts = {name: values[rows] for name, values in self.texts.items()}
        return Columns(texts, self.prices[rows], {name: values[rows] for name, values in self.vectors.items()})

    def with_vectors(self, schema: Schema) -> "Columns":
        """The same with unknown vectors where those that the schema reads are not there, or have another length."""
        there = {name: vectors.shape[1] for name, vectors in self.vectors.items()}
        lacking = [field for field in schema if field.kind == "vector" and there.get(field.name) != field.size]
        unknown = {field.name: np.zeros((len(self), field.size), dtype=np.float32) for field in lacking}
        return replace(self, vectors={**self.vectors, **unknown})


@dataclass(frozen=True)
class ItemContent:
    """The item encoder's input beside the index, by field.

    words: int64 (n, TITLE_WORDS); category, number, flag: int64 (n,); vector: float32 (n, D). 0 = unknown everywhere.
    """

    fields: Mapping[str, NDArray[Any]]


def encode(schema: Schema, columns: Columns) -> ItemContent:
    """n items in the numbers of a fitted schema.

    Raises FreshetError where the vectors of a field are missing or of another length.
    """
    return ItemContent({field.name: _ENCODERS[field.kind](field, columns) for field in schema})


def fitted(schema: Schema, columns: Columns) -> Schema:
    """The schema with a size for every field: tables of twice as many rows as there are values, up to a power of two.

    At least the usual size, so that a catalogue can grow for long in the same tables.
    Raises FreshetError where a vector field has no vectors.
    """
    return tuple(field if field.size else replace(field, size=_size(field, columns)) for field in schema)


def not_empty(schema: Schema, content: ItemContent) -> Schema:
    """The fields of which the catalogue says anything: nobody learns from an empty column."""
    return tuple(field for field in schema if content.fields[field.name].any())


def known_prices(prices: Sequence[float | None]) -> NDArray[np.float64]:
    """(n,) with NaN for what is unknown."""
    return np.array([np.nan if price is None else price for price in prices], dtype=np.float64)


def _size(field: Field, columns: Columns) -> int:
    if field.kind == "vector":
        return int(_given(field.name, columns).shape[1])
    if field.kind in ("number", "flag"):
        return codes.BANDS if field.kind == "number" else 3
    values = set(_texts(field.name, columns).tolist()) - {""}
    if field.kind == "words":
        values = {word for text in values for word in codes.title_words(text)}
    least = WORD_BUCKETS if field.kind == "words" else CATEGORY_BUCKETS
    return min(MOST_BUCKETS, max(least, 1 << (2 * len(values)).bit_length()))


def _texts(name: str, columns: Columns) -> Texts:
    """(n,) a column as text; one that this catalogue does not have is unknown everywhere."""
    if name == PRICE:
        return texts("" if np.isnan(price) else f"{price:.4f}" for price in columns.prices)
    return columns.texts.get(name, no_texts(len(columns)))


def _given(name: str, columns: Columns) -> Floats:
    if name not in columns.vectors:
        what = f"there are no vectors {name} (there are: {', '.join(columns.vectors) or 'none'})"
        raise FreshetError("item inputs", what, f"materialize `item_vectors`, or take {name}:vector out of the inputs")
    return columns.vectors[name]


def _words(field: Field, columns: Columns) -> Ints:
    out = np.zeros((len(columns), codes.TITLE_WORDS), dtype=np.int64)
    for row, text in enumerate(_texts(field.name, columns).tolist()):
        hashed = [codes.bucket(word, field.size) for word in codes.title_words(text)]
        out[row, : len(hashed)] = hashed
    return out


def _categories(field: Field, columns: Columns) -> Ints:
    values, rows = np.unique(_texts(field.name, columns), return_inverse=True)
    hashed = [codes.bucket(value, field.size) if value else 0 for value in values.tolist()]
    return np.array(hashed, dtype=np.int64)[rows]


def _numbers(field: Field, columns: Columns) -> Ints:
    if field.name == PRICE:
        return codes.bands(columns.prices)
    said = [codes.number(text) for text in _texts(field.name, columns).tolist()]
    return codes.bands(np.array(said, dtype=np.float64))


def _flags(field: Field, columns: Columns) -> Ints:
    return np.array([codes.flag(text) for text in _texts(field.name, columns).tolist()], dtype=np.int64)


def _vectors(field: Field, columns: Columns) -> Floats:
    vectors = _given(field.name, columns)
    if vectors.shape != (len(columns), field.size):
        what = f"the vectors {field.name} have {vectors.shape[1]} numbers, the model reads {field.size}"
        raise FreshetError("item inputs", what, "train anew: materialize the asset `trained_model`")
    return vectors.astype(np.float32, copy=False)


_ENCODERS: Final[Mapping[Kind, Callable[[Field, Columns], NDArray[Any]]]] = {
    "words": _words, "category": _categories, "number": _numbers, "flag": _flags, "vector": _vectors,
}  # fmt: skip
