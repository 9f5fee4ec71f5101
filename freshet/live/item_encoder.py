"""The item encoder as it serves: from what the catalogue says of an item to its vector, seen in training or not."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from freshet.codes import BANDS
from freshet.content import CATEGORY_BUCKETS, WORD_BUCKETS, Columns, encode
from freshet.errors import BundleError
from freshet.history import Ints
from freshet.item_inputs import CATEGORY, PRICE, RESERVED, TITLE, Field, Schema
from freshet.live.bundle import ITEM_ENCODER, Bundle
from freshet.live.manifest import REBUILD
from freshet.live.ranker import open_session
from freshet.live.scorer import Scores

# Bundles sealed before the manifest named the inputs: what they read, and what their encoder calls it.
FORMER: Final[Schema] = (
    Field(TITLE, "words", WORD_BUCKETS), Field(CATEGORY, "category", CATEGORY_BUCKETS), Field(PRICE, "number", BANDS),
)  # fmt: skip
FORMER_NAMES: Final = {TITLE: "words", CATEGORY: "categories", PRICE: "price_bands"}


@dataclass(frozen=True)
class ItemEncoder:
    """A bundle's item encoder, running, with the schema that it was trained on."""

    session: Any  # onnxruntime.InferenceSession
    schema: Schema
    names: dict[str, str]  # field → the encoder's own name for it

    def encode(self, columns: Columns, items: Ints | None = None) -> Scores:
        """(n, E) vectors. items: (n,) indexes; 0, and where none are given: known by content only.

        Vectors that the columns do not have, or of another length than it was trained on, are unknown.
        """
        known = encode(self.schema, columns.with_vectors(self.schema)).fields
        feed = {self.names[name]: values for name, values in known.items()}
        feed[RESERVED] = np.zeros(len(columns), dtype=np.int64) if items is None else items
        vectors: Scores = self.session.run(["vectors"], feed)[0]
        return vectors


def open_item_encoder(bundle: Bundle, threads: int = 1) -> ItemEncoder | None:
    """The bundle's item encoder; None for a bundle without one. Raises BundleError when it reads something else."""
    if ITEM_ENCODER not in bundle.manifest.files:
        return None
    session = open_session(bundle, ITEM_ENCODER, threads=threads)
    told = bundle.manifest.item_inputs
    schema = FORMER if told is None else told
    names = FORMER_NAMES if told is None else {field.name: field.name for field in schema}
    inputs = (RESERVED, *names.values())
    if {x.name for x in session.get_inputs()} != set(inputs):
        what = f"it does not take {', '.join(sorted(inputs))}"
        raise BundleError(f"{bundle.folder}/{ITEM_ENCODER}", what, REBUILD)
    return ItemEncoder(session, schema, names)
