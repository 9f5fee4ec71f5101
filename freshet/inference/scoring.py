"""Scoring: the interface of models and baselines, top-k selection, masks, and chunks that fit into memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from freshet.data.history import Ints, ModelInput

Scores = NDArray[np.float32]
Mask = NDArray[np.bool_]

EXCLUDED_SCORE = np.float32(-np.inf)  # of items that must not be recommended
MAX_CHUNK_HISTORIES: Final = 512  # histories scored at once
MAX_CHUNK_SCORES: Final = 1 << 25  # scores held at once, 128 MB: fewer histories for a large catalogue
MAX_ROWWISE_HISTORIES: Final = 64  # larger batches are scored with one matrix product
ITEM_BLOCK_SIZE: Final = 256  # items whose embeddings stay in the processor's cache


@dataclass(frozen=True)
class EncodedHistories:
    """Outputs of a shopper encoder for B histories with N events in total."""

    embeddings: Scores  # (B, D) of the shoppers; an item's score is the dot product with its embedding
    repeat_scores: Scores  # (N,) added to the score of the event's own item, packed like the batch

    def flatten(self) -> Scores:
        """(B · D + N,) all outputs, to compare with others of the same batch."""
        return np.concatenate([self.embeddings.ravel(), self.repeat_scores])

    def take(self, batch: ModelInput, start: int, stop: int) -> "EncodedHistories":
        """Return the outputs for the histories start … stop - 1 of the batch."""
        return EncodedHistories(
            self.embeddings[start:stop], self.repeat_scores[batch.offsets[start] : batch.offsets[stop]]
        )

    def item_scores(self, batch: ModelInput, item_embeddings: Scores) -> Scores:
        """(B, V + 1) scores of all items: dot products, plus the repeat scores of items in the history."""
        out = dot_products(self.embeddings, item_embeddings)
        history_rows = np.repeat(np.arange(len(out)), np.diff(batch.offsets))
        np.add.at(out, (history_rows, batch.items), self.repeat_scores)
        return out


def dot_products(embeddings: Scores, item_embeddings: Scores) -> Scores:
    """(B, D) and (V + 1, D) -> (B, V + 1) dot products.

    Up to MAX_ROWWISE_HISTORIES rows, each row is bitwise the same as on its own, so that no result depends on the other
    requests of a batch: BLAS sums one row in another order than several, which swaps items of nearly equal scores. In
    blocks of items this is as fast as one product for a gateway's batches (docs/adr/0025).
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
    """Scores all items for a batch of histories. Serving and evaluation use the same ranker through it."""

    @property
    def max_history(self) -> int:
        """Maximum number of events of a history."""

    @property
    def n_scores(self) -> int:
        """V + 1, the number of scores of a history."""

    def score(self, batch: ModelInput) -> Scores:
        """(B, V + 1) one row per history; EXCLUDED_SCORE at padding and at delisted items."""


def top_k(scores: Scores, k: int) -> tuple[Ints, Scores]:
    """Return the k best items of every row (B, V + 1), best first, and their scores: (B, k) each.

    Exact, and the same on every machine: of equal scores the lower index wins. With fewer than k items that may be
    recommended, the row ends in index 0 with EXCLUDED_SCORE.
    """
    k = min(k, scores.shape[1])
    kth_best = np.partition(scores, -k, axis=1)[:, -k, None]  # (B, 1) the k-th best score
    selected = scores >= kth_best
    if np.count_nonzero(selected) > k * len(scores):  # ties at the end of a list need the slower way
        is_tied = scores == kth_best
        n_tied_slots = k - (scores > kth_best).sum(axis=1, keepdims=True)
        selected &= ~is_tied | (np.cumsum(is_tied, axis=1) <= n_tied_slots)
    items = (np.flatnonzero(selected) % scores.shape[1]).reshape(len(scores), k)  # ascending index within a row
    order = np.argsort(-np.take_along_axis(scores, items, axis=1), axis=1, kind="stable")
    items = np.take_along_axis(items, order, axis=1)
    top_scores = np.take_along_axis(scores, items, axis=1)
    return np.where(top_scores == EXCLUDED_SCORE, 0, items), top_scores


def mask_scores(
    scores: Scores, excluded_per_row: Sequence[Ints] | None = None, allowed_items: Mask | None = None
) -> Scores:
    """Return the scores with EXCLUDED_SCORE at each row's excluded items and outside `allowed_items` (V + 1,)."""
    out = scores if allowed_items is None else np.where(allowed_items, scores, EXCLUDED_SCORE)
    if excluded_per_row is not None:
        out = out.copy()
        for row, items in enumerate(excluded_per_row):
            out[row, items] = EXCLUDED_SCORE
    return out


def max_relative_difference(expected: Scores, actual: Scores) -> float:
    """Return the largest absolute difference relative to the largest expected number.

    Infinite if the shapes differ or a number is not finite.
    """
    if expected.shape != actual.shape or not np.isfinite(actual).all():
        return float("inf")
    scale = max(float(np.abs(expected).max(initial=0.0)), 1e-6)
    return float(np.abs(expected - actual).max(initial=0.0)) / scale


def chunk_ranges(size: int, n_scores: int) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) over `size` histories, in chunks whose scores fit into memory."""
    step = max(1, min(MAX_CHUNK_HISTORIES, MAX_CHUNK_SCORES // n_scores))
    for start in range(0, size, step):
        yield start, min(start + step, size)


def select_histories(batch: ModelInput, order: Ints) -> ModelInput:
    """Return the histories at the positions `order` of a batch, in that order."""
    sizes = np.diff(batch.offsets)[order]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    event_rows = event_rows_of(batch, order)
    return ModelInput(
        offsets, batch.items[event_rows], batch.types[event_rows], batch.gaps[event_rows], batch.times[event_rows]
    )


def event_rows_of(batch: ModelInput, order: Ints) -> Ints:
    """(n,) rows in the batch of the events of the histories `order`, one history after the other."""
    sizes = np.diff(batch.offsets)[order]
    starts = np.cumsum(sizes) - sizes
    event_rows: Ints = np.arange(int(sizes.sum())) + np.repeat(batch.offsets[order] - starts, sizes)
    return event_rows


def slice_batch(batch: ModelInput, start: int, stop: int) -> ModelInput:
    """Return the histories start … stop - 1 of a batch."""
    low, high = batch.offsets[start], batch.offsets[stop]
    return ModelInput(
        batch.offsets[start : stop + 1] - low,
        batch.items[low:high],
        batch.types[low:high],
        batch.gaps[low:high],
        batch.times[low:high],
    )
