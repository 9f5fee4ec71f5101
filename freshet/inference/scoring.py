"""What the model and the baselines have in common: they score every item, and the best k are the answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from freshet.data.history import Ints, ModelInput

Scores = NDArray[np.float32]
Mask = NDArray[np.bool_]

EXCLUDED_SCORE = np.float32(-np.inf)  # the score of what must not be recommended
MAX_CHUNK_HISTORIES: Final = 512  # histories scored at once
MAX_CHUNK_SCORES: Final = 1 << 25  # scores held at once, 128 MB: a large catalogue takes fewer histories at a time
MAX_ROWWISE_HISTORIES: Final = 64  # shoppers up to which every one's scores are computed as if they had asked alone
ITEM_BLOCK_SIZE: Final = (
    256  # items whose vectors stay in the processor's cache while all shoppers are multiplied with them
)


@dataclass(frozen=True)
class EncodedHistories:
    """What a shopper encoder answers to B histories of N events in all."""

    embeddings: Scores  # (B, D) the score of an item is its product with the item's vector
    repeat_scores: Scores  # (N,) what is added to the score of the event's own item, packed like the batch

    def flatten(self) -> Scores:
        """(B · D + N,) all of it, to compare with another answer to the same batch."""
        return np.concatenate([self.embeddings.ravel(), self.repeat_scores])

    def take(self, batch: ModelInput, start: int, stop: int) -> "EncodedHistories":
        """The answers to the histories start … stop - 1 of the batch."""
        return EncodedHistories(
            self.embeddings[start:stop], self.repeat_scores[batch.offsets[start] : batch.offsets[stop]]
        )

    def item_scores(self, batch: ModelInput, item_embeddings: Scores) -> Scores:
        """(B, V + 1) for every item: generalised from the history, and repeated from it."""
        out = dot_products(self.embeddings, item_embeddings)
        history_rows = np.repeat(np.arange(len(out)), np.diff(batch.offsets))
        np.add.at(out, (history_rows, batch.items), self.repeat_scores)
        return out


def dot_products(embeddings: Scores, item_embeddings: Scores) -> Scores:
    """(B, D) and (V + 1, D) -> (B, V + 1): every vector times every item's.

    Up to ROW_BY_ROW rows the result is bitwise the one that each row gets alone, so that no answer depends on who else
    asks: BLAS sums a single row in another order than several, which turns items of nearly equal scores. Block by block
    it is no slower than one product for a gateway's groups (docs/adr/0025). Larger batches are one product.
    """
    if len(embeddings) > MAX_ROWWISE_HISTORIES:
        return np.asarray(embeddings @ item_embeddings.T)
    out = np.empty((len(embeddings), len(item_embeddings)), dtype=np.float32)
    columns = embeddings[:, :, None]  # (B, D, 1)
    for start in range(0, len(item_embeddings), ITEM_BLOCK_SIZE):
        block = slice(start, start + ITEM_BLOCK_SIZE)
        np.matmul(item_embeddings[None, block], columns, out=out[:, block, None])  # (B, BLOCK, 1), a row at a time
    return out


class Scorer(Protocol):
    """Scores all items for a batch of histories. The ranker that serves is one: what is judged is what serves."""

    @property
    def max_history(self) -> int:
        """How many events of a history it reads."""

    @property
    def n_scores(self) -> int:
        """V + 1: how many scores a history gets."""

    def score(self, batch: ModelInput) -> Scores:
        """(B, V + 1) one row per history; NEVER at PAD and at items that may not be recommended."""


def top_k(scores: Scores, k: int) -> tuple[Ints, Scores]:
    """The k best of every row (B, V + 1), best first, and their scores: (B, k) each.

    Exact, and the same on every machine: of equal scores the lower index wins. Where fewer than k may be
    recommended the row ends in index 0 with score NEVER.
    """
    k = min(k, scores.shape[1])
    kth_best = np.partition(scores, -k, axis=1)[:, -k, None]  # (B, 1) the k-th best score
    selected = scores >= kth_best
    if np.count_nonzero(selected) > k * len(scores):  # ties at the end of a list: only then is the dearer way needed
        is_tied = scores == kth_best
        n_tied_slots = k - (scores > kth_best).sum(axis=1, keepdims=True)
        selected &= ~is_tied | (np.cumsum(is_tied, axis=1) <= n_tied_slots)
    items = (np.flatnonzero(selected) % scores.shape[1]).reshape(len(scores), k)  # rising index within a row
    order = np.argsort(-np.take_along_axis(scores, items, axis=1), axis=1, kind="stable")
    items = np.take_along_axis(items, order, axis=1)
    top_scores = np.take_along_axis(scores, items, axis=1)
    return np.where(top_scores == EXCLUDED_SCORE, 0, items), top_scores


def mask_scores(
    scores: Scores, excluded_per_row: Sequence[Ints] | None = None, allowed_items: Mask | None = None
) -> Scores:
    """`scores` with NEVER at every row's own `exclude` and everywhere outside `allowed` (V + 1,)."""
    out = scores if allowed_items is None else np.where(allowed_items, scores, EXCLUDED_SCORE)
    if excluded_per_row is not None:
        out = out.copy()
        for row, items in enumerate(excluded_per_row):
            out[row, items] = EXCLUDED_SCORE
    return out


def chunk_ranges(size: int, n_scores: int) -> Iterator[tuple[int, int]]:
    """(start, stop) over `size` histories, so many at a time that their scores fit into memory."""
    step = max(1, min(MAX_CHUNK_HISTORIES, MAX_CHUNK_SCORES // n_scores))
    for start in range(0, size, step):
        yield start, min(start + step, size)


def select_histories(batch: ModelInput, order: Ints) -> ModelInput:
    """The histories `order` of a batch, in that order."""
    sizes = np.diff(batch.offsets)[order]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    event_rows = event_rows_of(batch, order)
    return ModelInput(
        offsets, batch.items[event_rows], batch.types[event_rows], batch.gaps[event_rows], batch.times[event_rows]
    )


def event_rows_of(batch: ModelInput, order: Ints) -> Ints:
    """(n,) where the events of the histories `order` lie in the batch, one history after the other."""
    sizes = np.diff(batch.offsets)[order]
    starts = np.cumsum(sizes) - sizes
    event_rows: Ints = np.arange(int(sizes.sum())) + np.repeat(batch.offsets[order] - starts, sizes)
    return event_rows


def slice_batch(batch: ModelInput, start: int, stop: int) -> ModelInput:
    """The histories start … stop - 1 of a batch."""
    low, high = batch.offsets[start], batch.offsets[stop]
    return ModelInput(
        batch.offsets[start : stop + 1] - low,
        batch.items[low:high],
        batch.types[low:high],
        batch.gaps[low:high],
        batch.times[low:high],
    )
