"""The asset `item_vectors`, without Dagster: vectors that the shop landed, and those that a text encoder makes."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from freshet.content import Floats
from freshet.errors import LandingError
from freshet.item_vectors import FOLDER, ItemVectors, save_item_vectors
from freshet.references import ItemVectorsRef
from freshet.settings import Settings
from freshet.stages.outcome import Outcome, judged
from freshet.stages.text_encoder import TextEncoder, encoded, text_encoder
from freshet.store import Store
from freshet.tables.reading import load_vocabulary, scan
from freshet.texts import texts

if TYPE_CHECKING:
    import pyarrow as pa

LANDED: Final = "landing/item_vectors"  # landing/item_vectors/<name>/….parquet: item_id, vector
TEXT: Final = "text"


@dataclass(frozen=True)
class Gathered:
    """The vectors, how many texts were encoded for them, and why there are none where there are none."""

    found: ItemVectors
    encoded: int
    ragged: int  # landed vectors of another length than most of their name
    why: str


def make_item_vectors(
    settings: Settings, store: Store, tell: Callable[[int, int], None] = lambda *_: None
) -> Outcome[Gathered, ItemVectorsRef]:
    """Vectors for every item of the published vocabulary, published if the gate passes; none is a result, too.

    tell: (texts encoded, texts to encode). Raises SetupError where the text encoder is not installed, LandingError
    where a landed file cannot be read.
    """
    vocabulary = load_vocabulary(scan(settings, "vocabulary"), settings.item_schema)
    made = gathered(
        vocabulary.item_ids[1:].tolist(), vocabulary.titles[1:].tolist(), text_encoder(settings), store, tell
    )
    judgement = judged(FOLDER, _profile(made), settings)
    if judgement.bad():
        return Outcome(judgement, made, None)
    sizes = {name: int(vectors.shape[1]) for name, vectors in made.found.vectors.items()}
    return Outcome(judgement, made, ItemVectorsRef(id=save_item_vectors(made.found, store), sizes=sizes))


def gathered(
    items: list[str],
    titles: list[str],
    encoder: TextEncoder | None,
    store: Store,
    tell: Callable[[int, int], None] = lambda *_: None,
) -> Gathered:
    """What was landed by name, and `text` where there is an encoder: landed vectors of that name go before it."""
    vectors, ragged, fresh = {}, 0, 0
    for name in store.folders(LANDED):
        landed = _landed(store, name)
        vectors[name], uneven = _in_order(items, landed)
        ragged += uneven
    if encoder is not None and TEXT not in vectors:
        made = encoded(titles, encoder, store, tell)
        vectors[TEXT], fresh = made.vectors, made.fresh
    why = "" if vectors else f"FRESHET_TEXT_ENCODER is off, and no vectors lie in {LANDED}/<name>"
    return Gathered(ItemVectors(texts(items), vectors), fresh, ragged, why)


def _landed(store: Store, name: str) -> dict[str, Floats]:
    """Item → its vector in the last file, by name, that has one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found: dict[str, Floats] = {}
    for path in store.list(f"{LANDED}/{name}"):
        try:
            rows = pq.read_table(io.BytesIO(store.get(path)), columns=["item_id", "vector"]).combine_chunks()
            found |= _vectors(rows)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, KeyError) as error:
            what = f"it cannot be read ({str(error).splitlines()[0]})"
            fix = "write parquet with the columns item_id and vector, a list of numbers"
            raise LandingError(store.where(path), what, fix) from None
    return found


def _vectors(rows: "pa.Table") -> dict[str, Floats]:
    """Item → its vector, views of one array: a Python object for each number would take 13 times the room."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = rows.filter(pc.is_valid(rows["vector"]))
    vectors = rows["vector"].cast(pa.large_list(pa.float32()))
    numbers = pc.list_flatten(vectors).to_numpy()
    ends = np.cumsum(pc.list_value_length(vectors).to_numpy())
    return dict(zip(map(str, rows["item_id"].to_pylist()), np.split(numbers, ends)[:-1], strict=True))


def _in_order(items: list[str], landed: Mapping[str, Floats]) -> tuple[Floats, int]:
    """(n, D) with zeros where there is none or one of another length than most; and how many of those there were."""
    sizes, counts = np.unique([len(vector) for vector in landed.values()] or [0], return_counts=True)
    size = int(sizes[counts.argmax()])
    out = np.zeros((len(items), size), dtype=np.float32)
    for row, item in enumerate(items):
        if len(vector := landed.get(item, out[row])) == size:
            out[row] = vector
    return out, sum(len(vector) != size for vector in landed.values())


def _profile(made: Gathered) -> Mapping[str, object]:
    """The worst of all names; what holds for no name at all holds."""
    every = made.found.vectors
    shares = {name: float((vectors != 0).any(axis=1).mean()) for name, vectors in every.items() if len(vectors)}
    thinnest = min(shares, key=lambda name: shares[name], default="")
    return {
        "items": len(made.found.item_ids),
        "ragged": made.ragged,
        "not_finite": sum(int((~np.isfinite(vectors)).any(axis=1).sum()) for vectors in every.values()),
        "least_share": shares.get(thinnest, 1.0),
        "thinnest": thinnest,
    }
