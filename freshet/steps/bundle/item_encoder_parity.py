"""Parity of the item encoder: the ONNX file gives the same embeddings as PyTorch, for known and for new items."""

from typing import TYPE_CHECKING, Final

import numpy as np

from freshet.data.history import Ints
from freshet.data.item_encoding import ItemAttributes, encode_attributes
from freshet.data.vocabulary import Vocabulary
from freshet.inference.bundle import Bundle
from freshet.inference.item_encoder import open_item_encoder
from freshet.inference.scoring import max_relative_difference
from freshet.item_schema import CATEGORY, TITLE, ItemSchema, attribute_columns

if TYPE_CHECKING:
    from freshet.model.custom import Model

SYNTHETIC_ITEMS: Final = 64
SYNTHETIC_SEED: Final = 7
SYNTHETIC_WORDS: Final = ("blue", "tent", "9", "très", "", "x" * 40)


def item_encoder_error(bundle: Bundle, model: "Model", vocabulary: Vocabulary) -> float:
    """Return the largest relative difference between the item embeddings of ONNX and PyTorch.

    Compares the whole vocabulary, the same items without their ids, and synthetic items. 0 for a bundle without item
    encoder. Raises BundleError if the item encoder cannot be loaded.
    """
    from freshet.model.onnx_export import embed_items
    from freshet.model.transformer import Recommender

    encoder = open_item_encoder(bundle)
    if encoder is None or not isinstance(model, Recommender):
        return 0.0
    schema, known_items, synthetic_items = (
        model.config.item_schema,
        vocabulary.item_attributes,
        _synthetic_items(model.config.item_schema),
    )
    inputs = (
        (known_items, model.item_indices().numpy()),
        (known_items, _unknown_indices(known_items)),
        (synthetic_items, _unknown_indices(synthetic_items)),
    )
    errors = [
        max_relative_difference(
            embed_items(model, items, encode_attributes(schema, columns)), encoder.encode(columns, items)
        )
        for columns, items in inputs
    ]
    return max(errors)


def _unknown_indices(columns: ItemAttributes) -> Ints:
    """Return index 0, of items without an id of their own, for all rows."""
    return np.zeros(len(columns), dtype=np.int64)


def _synthetic_items(schema: ItemSchema) -> ItemAttributes:
    """Return items with random words, prices and content embeddings, some of them missing."""
    rng = np.random.default_rng(SYNTHETIC_SEED)
    names = (TITLE, CATEGORY, *attribute_columns(schema))
    texts = {
        name: np.array([" ".join(rng.choice(SYNTHETIC_WORDS, 3)) for _ in range(SYNTHETIC_ITEMS)]) for name in names
    }
    prices = np.where(rng.random(SYNTHETIC_ITEMS) < 0.2, np.nan, rng.lognormal(2, 3, SYNTHETIC_ITEMS))
    vectors = {
        feature.name: rng.normal(size=(SYNTHETIC_ITEMS, feature.size)).astype(np.float32)
        for feature in schema
        if feature.kind == "vector"
    }
    return ItemAttributes(texts, prices, vectors)
