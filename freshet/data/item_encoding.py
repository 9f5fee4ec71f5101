"""Item feature encoding: catalogue columns as the integer and float arrays that the item encoder reads."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freshet.data import hashing
from freshet.data.history import Ints
from freshet.data.text_columns import TextArray, blank_texts, text_array
from freshet.errors import FreshetError
from freshet.item_schema import PRICE, FeatureKind, ItemFeature, ItemSchema

Float32s = NDArray[np.float32]

MIN_WORD_BUCKETS: Final = 4096  # bucket 0 = no word
MIN_CATEGORY_BUCKETS: Final = 512  # bucket 0 = no category
MAX_BUCKETS: Final = 1 << 16


@dataclass(frozen=True)
class ItemAttributes:
    """Attributes of n items: texts ("" = unknown), prices (NaN = unknown), content embeddings (zeros = unknown)."""

    texts: Mapping[str, TextArray]  # title, category and attributes, (n,) each
    prices: NDArray[np.float64]  # (n,)
    content_embeddings: Mapping[str, Float32s]  # (n, D) each

    def __len__(self) -> int:
        return len(self.prices)

    def take(self, indices: Ints) -> "ItemAttributes":
        """Return the attributes of the items with these row indices."""
        texts = {name: values[indices] for name, values in self.texts.items()}
        return ItemAttributes(
            texts, self.prices[indices], {name: values[indices] for name, values in self.content_embeddings.items()}
        )

    def fill_missing_embeddings(self, schema: ItemSchema) -> "ItemAttributes":
        """Return the same with zeros for embeddings of the schema that are missing or have another length."""
        dims = {name: vectors.shape[1] for name, vectors in self.content_embeddings.items()}
        missing = [feature for feature in schema if feature.kind == "vector" and dims.get(feature.name) != feature.size]
        zeros = {feature.name: np.zeros((len(self), feature.size), dtype=np.float32) for feature in missing}
        return replace(self, content_embeddings={**self.content_embeddings, **zeros})


@dataclass(frozen=True)
class EncodedItems:
    """The item encoder's input beside the item index, by feature name.

    By kind of the feature: words int64 (n, MAX_TITLE_WORDS); category, number and flag int64 (n,); vector float32
    (n, D). 0 = unknown.
    """

    features: Mapping[str, NDArray[Any]]


def encode_attributes(schema: ItemSchema, attributes: ItemAttributes) -> EncodedItems:
    """Encode n items with a fitted schema.

    Raises FreshetError if the vectors of a feature are missing or have another length.
    """
    return EncodedItems({feature.name: _ENCODERS[feature.kind](feature, attributes) for feature in schema})


def fit_schema(schema: ItemSchema, attributes: ItemAttributes) -> ItemSchema:
    """Return the schema with sizes: for words and categories the power of two above twice the number of values.

    The sizes have a minimum, so that a catalogue can grow without new tables. Raises FreshetError if a vector feature
    has no vectors.
    """
    return tuple(
        feature if feature.size else replace(feature, size=_feature_size(feature, attributes)) for feature in schema
    )


def drop_empty_features(schema: ItemSchema, encoded: EncodedItems) -> ItemSchema:
    """Return the features that have a value for any item."""
    return tuple(feature for feature in schema if encoded.features[feature.name].any())


def price_array(prices: Sequence[float | None]) -> NDArray[np.float64]:
    """Return (n,) prices, NaN for None."""
    return np.array([np.nan if price is None else price for price in prices], dtype=np.float64)


def _feature_size(feature: ItemFeature, attributes: ItemAttributes) -> int:
    if feature.kind == "vector":
        return int(_embeddings_of(feature.name, attributes).shape[1])
    if feature.kind in ("number", "flag"):
        return hashing.N_NUMBER_BUCKETS if feature.kind == "number" else 3
    values = set(_text_column(feature.name, attributes).tolist()) - {""}
    if feature.kind == "words":
        values = {word for text in values for word in hashing.title_words(text)}
    min_buckets = MIN_WORD_BUCKETS if feature.kind == "words" else MIN_CATEGORY_BUCKETS
    return min(MAX_BUCKETS, max(min_buckets, 1 << (2 * len(values)).bit_length()))


def _text_column(name: str, attributes: ItemAttributes) -> TextArray:
    """Return (n,) a column as text; "" for all items if the catalogue does not have it."""
    if name == PRICE:
        return text_array("" if np.isnan(price) else f"{price:.4f}" for price in attributes.prices)
    return attributes.texts.get(name, blank_texts(len(attributes)))


def _embeddings_of(name: str, attributes: ItemAttributes) -> Float32s:
    if name not in attributes.content_embeddings:
        what = f"there are no vectors named {name} (names: {', '.join(attributes.content_embeddings) or 'none'})"
        raise FreshetError(
            "item schema", what, f"materialize `content_embeddings`, or remove {name}:vector from FRESHET_ITEM_SCHEMA"
        )
    return attributes.content_embeddings[name]


def _encode_words(feature: ItemFeature, attributes: ItemAttributes) -> Ints:
    buckets = np.zeros((len(attributes), hashing.MAX_TITLE_WORDS), dtype=np.int64)
    for row, text in enumerate(_text_column(feature.name, attributes).tolist()):
        hashed = [hashing.hash_bucket(word, feature.size) for word in hashing.title_words(text)]
        buckets[row, : len(hashed)] = hashed
    return buckets


def _encode_categories(feature: ItemFeature, attributes: ItemAttributes) -> Ints:
    values, rows = np.unique(_text_column(feature.name, attributes), return_inverse=True)
    hashed = [hashing.hash_bucket(value, feature.size) if value else 0 for value in values.tolist()]
    return np.array(hashed, dtype=np.int64)[rows]


def _encode_numbers(feature: ItemFeature, attributes: ItemAttributes) -> Ints:
    if feature.name == PRICE:
        return hashing.number_buckets(attributes.prices)
    values = [hashing.parse_number(text) for text in _text_column(feature.name, attributes).tolist()]
    return hashing.number_buckets(np.array(values, dtype=np.float64))


def _encode_flags(feature: ItemFeature, attributes: ItemAttributes) -> Ints:
    return np.array(
        [hashing.parse_flag(text) for text in _text_column(feature.name, attributes).tolist()], dtype=np.int64
    )


def _encode_embeddings(feature: ItemFeature, attributes: ItemAttributes) -> Float32s:
    embeddings = _embeddings_of(feature.name, attributes)
    if embeddings.shape != (len(attributes), feature.size):
        what = f"the vectors {feature.name} have length {embeddings.shape[1]}, the model reads {feature.size}"
        raise FreshetError("item schema", what, "train a new model: materialize the asset `trained_model`")
    return embeddings.astype(np.float32, copy=False)


_ENCODERS: Final[Mapping[FeatureKind, Callable[[ItemFeature, ItemAttributes], NDArray[Any]]]] = {
    "words": _encode_words,
    "category": _encode_categories,
    "number": _encode_numbers,
    "flag": _encode_flags,
    "vector": _encode_embeddings,
}
