"""The item encoder's rung of the parity ladder: the file answers as torch does, for items known and for new ones."""

from typing import TYPE_CHECKING, Final

import numpy as np

from freshet.content import Columns, encode
from freshet.history import Ints
from freshet.item_inputs import CATEGORY, TITLE, Schema, attributes_of
from freshet.live.bundle import Bundle
from freshet.live.item_encoder import open_item_encoder
from freshet.live.scorer import Scores
from freshet.vocabulary import Vocabulary

if TYPE_CHECKING:
    from freshet.model.own import Model

MADE_UP: Final = 64
SEED: Final = 7
WORDS: Final = ("blue", "tent", "9", "très", "", "x" * 40)


def item_difference(bundle: Bundle, model: "Model", vocabulary: Vocabulary) -> float:
    """The largest difference of any number of an item's vector, in units of the largest number; infinite for no number.

    Asked for the whole vocabulary as it is known, for the same items as if they were new, and for made-up ones.
    Raises BundleError where the bundle has an item encoder that does not load. 0 where it has none.
    """
    from freshet.model.export import item_vectors_of
    from freshet.model.transformer import Recommender

    encoder = open_item_encoder(bundle)
    if encoder is None or not isinstance(model, Recommender):
        return 0.0
    schema, known, made_up = model.config.inputs, vocabulary.columns, _made_up(model.config.inputs)
    asked = ((known, model.numbers().numpy()), (known, _new(known)), (made_up, _new(made_up)))
    differences = [
        _difference(item_vectors_of(model, items, encode(schema, columns)), encoder.encode(columns, items))
        for columns, items in asked
    ]
    return max(differences)


def _new(columns: Columns) -> Ints:
    """Nobody has met them."""
    return np.zeros(len(columns), dtype=np.int64)


def _difference(want: Scores, got: Scores) -> float:
    scale = max(float(np.abs(want).max(initial=0.0)), 1e-6)
    return float(np.nan_to_num(np.abs(want - got), nan=np.inf).max(initial=0.0)) / scale


def _made_up(schema: Schema) -> Columns:
    """Items of random words, prices and vectors, some of them unknown."""
    random = np.random.default_rng(SEED)
    names = (TITLE, CATEGORY, *attributes_of(schema))
    texts = {name: np.array([" ".join(random.choice(WORDS, 3)) for _ in range(MADE_UP)]) for name in names}
    prices = np.where(random.random(MADE_UP) < 0.2, np.nan, random.lognormal(2, 3, MADE_UP))
    vectors = {f.name: random.normal(size=(MADE_UP, f.size)).astype(np.float32) for f in schema if f.kind == "vector"}
    return Columns(texts, prices, vectors)
