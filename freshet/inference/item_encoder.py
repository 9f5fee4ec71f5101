"""The item encoder of a bundle: from catalogue attributes to the item embedding, also for items without events."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from freshet.data.hashing import N_NUMBER_BUCKETS
from freshet.data.history import Ints
from freshet.data.item_encoding import MIN_CATEGORY_BUCKETS, MIN_WORD_BUCKETS, ItemAttributes, encode_attributes
from freshet.errors import BundleError
from freshet.inference.bundle import ITEM_ENCODER_FILE, Bundle
from freshet.inference.manifest import REBUILD_FIX
from freshet.inference.ranker import open_session
from freshet.inference.scoring import Scores
from freshet.item_schema import CATEGORY, INDEX_INPUT, PRICE, TITLE, ItemFeature, ItemSchema

# Schema and input names of older bundles, whose manifest does not name them.
LEGACY_SCHEMA: Final[ItemSchema] = (
    ItemFeature(TITLE, "words", MIN_WORD_BUCKETS),
    ItemFeature(CATEGORY, "category", MIN_CATEGORY_BUCKETS),
    ItemFeature(PRICE, "number", N_NUMBER_BUCKETS),
)
LEGACY_INPUT_NAMES: Final = {TITLE: "words", CATEGORY: "categories", PRICE: "price_bands"}


@dataclass(frozen=True)
class OnnxItemEncoder:
    """A bundle's item encoder in an onnxruntime session, with the schema that it was trained on."""

    session: Any  # onnxruntime.InferenceSession
    schema: ItemSchema
    input_names: dict[str, str]  # field of the schema → input of the encoder

    def encode(self, attributes: ItemAttributes, items: Ints | None = None) -> Scores:
        """(n, D) item embeddings. items: (n,) vocabulary indexes; 0 or None means by content only.

        Content embeddings that are missing, or of another length than in training, count as unknown.
        """
        features = encode_attributes(self.schema, attributes.fill_missing_embeddings(self.schema)).features
        feed = {self.input_names[name]: values for name, values in features.items()}
        feed[INDEX_INPUT] = np.zeros(len(attributes), dtype=np.int64) if items is None else items
        embeddings: Scores = self.session.run(["vectors"], feed)[0]
        return embeddings


def open_item_encoder(bundle: Bundle, threads: int = 1) -> OnnxItemEncoder | None:
    """Open the bundle's item encoder; None for a bundle without one. Raises BundleError if its inputs differ."""
    if ITEM_ENCODER_FILE not in bundle.manifest.files:
        return None
    session = open_session(bundle, ITEM_ENCODER_FILE, threads=threads)
    manifest_schema = bundle.manifest.item_schema
    schema = LEGACY_SCHEMA if manifest_schema is None else manifest_schema
    input_names = LEGACY_INPUT_NAMES if manifest_schema is None else {field.name: field.name for field in schema}
    inputs = (INDEX_INPUT, *input_names.values())
    if {x.name for x in session.get_inputs()} != set(inputs):
        what = f"it does not take {', '.join(sorted(inputs))}"
        raise BundleError(f"{bundle.folder}/{ITEM_ENCODER_FILE}", what, REBUILD_FIX)
    return OnnxItemEncoder(session, schema, input_names)
