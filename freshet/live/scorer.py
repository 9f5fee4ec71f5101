"""What the model and the baselines have in common: they score every item, and the best k are the answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from freshet.history import Ints, ModelInput

Scores = NDArray[np.float32]
Mask = NDArray[np.bool_]

NEVER = np.float32(-np.inf)  # the score of what must not be recommended
CHUNK: Final = 512  # histories scored at once
CELLS: Final = 1 << 25  # scores held at once, 128 MB: a large catalogue takes fewer histories at a time
ROW_BY_ROW: Final = 64  # shoppers up to which every one's scores are computed as if they had asked alone
BLOCK: Final = 256  # items whose vectors stay in the processor's cache while all shoppers are multiplied with them


@dataclass(frozen=True)
class Encoded:
    """What a shopper encoder answers to B histories of N events in all."""

    vectors: Scores  # (B, D) the score of an item is its product with the item's vector
    repeats: Scores  # (N,) what is added to the score of the event's own item, packed like the batch

    def numbers(self) -> Scores:
        """(B · D + N,) all of it, to compare with another answer to the same batch."""
        return np.concatenate([self.vectors.ravel(), self.repeats])

    def take(self, batch: ModelInput, start: int, stop: int) -> "Encoded":
        """The answers to the histories start … stop - 1 of the batch."""
        return Encoded(self.vectors[start:stop], self.repeats[batch.offsets[start] : batch.offsets[stop]])

    def scores(self, batch: ModelInput, item_vectors: Scores) -> Scores:
        """(B, V + 1) for every item: generalised from the history, and repeated from it."""
        out = products(self.vectors, item_vectors)
        owners = np.repeat(np.arange(len(out)), np.diff(batch.offsets))
        np.add.at(out, (owners, batch.items), self.repeats)
        return out


def products(vectors: Scores, item_vectors: Scores) -> Scores:
    """(B, D) and (V + 1, D) -> (B, V + 1): every vector times every item's.

    Up to ROW_BY_ROW rows the result is bitwise the one that each row gets alone, so that no answer depends on who else
    asks: BLAS sums a single row in another order than several, which turns items of nearly equal scores. Block by block
    it is no slower than one product for a gateway's groups (docs/adr/0025). Larger batches are one product.
    """
    if len(vectors) > ROW_BY_ROW:
        return np.asarray(vectors @ item_vectors.T)
    out = np.empty((len(vectors), len(item_vectors)), dtype=np.float32)
    columns = vectors[:, :, None]  # (B, D, 1)
    for start in range(0, len(item_vectors), BLOCK):
        block = slice(start, start + BLOCK)
        np.matmul(item_vectors[None, block], columns, out=out[:, block, None])  # (B, BLOCK, 1), a row at a time
    return out


class Scorer(Protocol):
    """Scores all items for a batch of histories. The ranker that serves is one: what is judged is what serves."""

    @property
    def length(self) -> int:
        """How many events of a history it reads."""

    @property
    def width(self) -> int:
        """V + 1: how many scores a history gets."""

    def score(self, batch: ModelInput) -> Scores:
        """(B, V + 1) one row per history; NEVER at PAD and at items that may not be recommended."""


def top_k(scores: Scores, k: int) -> tuple[Ints, Scores]:
    """The k best of every row (B, V + 1), best first, and their scores: (B, k) each.

    Exact, and the same on every machine: of equal scores the lower index wins. Where fewer than k may be
    recommended the row ends in index 0 with score NEVER.
    """
    k = min(k, scores.shape[1])
    least = np.partition(scores, -k, axis=1)[:, -k, None]  # (B, 1) the k-th best score
    chosen = scores >= least
    if np.count_nonzero(chosen) > k * len(scores):  # ties at the end of a list: only then is the dearer way needed
        level = scores == least
        room = k - (scores > least).sum(axis=1, keepdims=True)
        chosen &= ~level | (np.cumsum(level, axis=1) <= room)
    items = (np.flatnonzero(chosen) % scores.shape[1]).reshape(len(scores), k)  # rising index within a row
    order = np.argsort(-np.take_along_axis(scores, items, axis=1), axis=1, kind="stable")
    items = np.take_along_axis(items, order, axis=1)
    best = np.take_along_axis(scores, items, axis=1)
    return np.where(best == NEVER, 0, items), best


def masked(scores: Scores, exclude: Sequence[Ints] | None = None, allowed: Mask | None = None) -> Scores:
    """`scores` with NEVER at every row's own `exclude` and everywhere outside `allowed` (V + 1,)."""
    out = scores if allowed is None else np.where(allowed, scores, NEVER)
    if exclude is not None:
        out = out.copy()
        for row, items in enumerate(exclude):
            out[row, items] = NEVER
    return out


def chunks(size: int, width: int) -> Iterator[tuple[int, int]]:
    """(start, stop) over `size` histories, so many at a time that their scores fit into memory."""
    step = max(1, min(CHUNK, CELLS // width))
    for start in range(0, size, step):
        yield start, min(start + step, size)


def taken(batch: ModelInput, order: Ints) -> ModelInput:
    """The histories `order` of a batch, in that order."""
    sizes = np.diff(batch.offsets)[order]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    places = places_of(batch, order)
    return ModelInput(offsets, batch.items[places], batch.types[places], batch.gaps[places], batch.times[places])


def places_of(batch: ModelInput, order: Ints) -> Ints:
    """(n,) where the events of the histories `order` lie in the batch, one history after the other."""
    sizes = np.diff(batch.offsets)[order]
    starts = np.cumsum(sizes) - sizes
    places: Ints = np.arange(int(sizes.sum())) + np.repeat(batch.offsets[order] - starts, sizes)
    return places


def rows(batch: ModelInput, start: int, stop: int) -> ModelInput:
    """The histories start … stop - 1 of a batch."""
    low, high = batch.offsets[start], batch.offsets[stop]
    return ModelInput(
        batch.offsets[start : stop + 1] - low,
        batch.items[low:high],
        batch.types[low:high],
        batch.gaps[low:high],
        batch.times[low:high],
    )
