"""Why an item is recommended: what its score would be without each of the shopper's events, one after the other.

Exact, not estimated: the ranker is asked L + 1 histories in one batch, the whole one and L with an event left out, as
if it had never happened: the gaps around it close, and an older event moves into a full window.
"""

from dataclasses import dataclass

import numpy as np

from freshet.history import Histories, Ints, ModelInput, model_input
from freshet.live.ranker import Ranker
from freshet.live.scorer import Encoded, Scores
from freshet.neighbourhood import blended


@dataclass(frozen=True)
class Influence:
    """An event of the history and what it does to an item's score. Above 0: without it the score would be lower."""

    event: int  # row of the history that was asked for
    moved: float


@dataclass(frozen=True)
class Explanation:
    """One item's score and the events behind it, the one that moves it most first."""

    item: int  # vocabulary index
    score: float
    influences: tuple[Influence, ...]  # of every event that the encoder reads; none where it knows none


def explain(ranker: Ranker, history: Histories, items: Ints) -> list[Explanation]:
    """An explanation for each of n items (n,), of one shopper's history.

    Of a history of one known event the comparison is with the encoder's answer to an empty one. Raises BundleError when
    the encoder's answer is not a number.
    """
    rows = np.flatnonzero(history.items > 0)[-ranker.length - 1 :]  # one more may move into the window
    left_out = rows[-ranker.length :]
    if len(rows) == 0:
        return [Explanation(int(item), float(ranker.bundle.baselines.popularity[item]), ()) for item in items]
    batch = model_input(_without_each(history, rows, left_out), ranker.length)
    scores = _of_items(ranker.sound(batch), batch.items, np.diff(batch.offsets), ranker.bundle.item_vectors, items)
    scores += _by_tables(ranker, batch, items)
    moved = scores[0] - scores[1:]  # (L, n)
    found = []
    for column, item in enumerate(items):
        order = np.argsort(-np.abs(moved[:, column]), kind="stable")
        influences = tuple(Influence(int(left_out[row]), float(moved[row, column])) for row in order)
        found.append(Explanation(int(item), float(scores[0, column]), influences))
    return found


def _without_each(history: Histories, rows: Ints, left_out: Ints) -> Histories:
    """L + 1 histories: the rows, and the rows without each of `left_out`."""
    parts = [rows, *(rows[rows != row] for row in left_out)]
    every = np.concatenate(parts)
    return Histories(
        shoppers=np.repeat(history.shoppers, len(parts)),
        offsets=np.cumsum([0, *map(len, parts)], dtype=np.int64),
        items=history.items[every],
        types=history.types[every],
        times=history.times[every],
        days=history.days[every],
    )


def _of_items(encoded: Encoded, met: Ints, sizes: Ints, item_vectors: Scores, items: Ints) -> Scores:
    """(B, n) the scores of some items only: the same numbers as `Encoded.scores`, without the other columns."""
    out: Scores = encoded.vectors @ item_vectors[items].T
    owners = np.repeat(np.arange(len(sizes)), sizes)
    for column, item in enumerate(items):
        there = met == item
        out[:, column] += np.bincount(owners[there], encoded.repeats[there], minlength=len(sizes))
    return out


def _by_tables(ranker: Ranker, batch: ModelInput, items: Ints) -> Scores:
    """(B, n) what the ranker adds to these items for going with what was met, or coming after it."""
    bundle, width = ranker.bundle, ranker.width
    wanted = np.arange(len(batch.offsets) - 1)[:, None] * width + items  # (B, n)
    added: Scores = np.zeros(wanted.shape, dtype=np.float32)
    for cells, values in blended(batch, bundle.baselines.tables, bundle.manifest.blend, width):
        at = np.searchsorted(cells, wanted)
        there = np.append(cells, -1)[at] == wanted
        added += np.where(there, np.append(values, 0.0)[at], 0.0).astype(np.float32)
    return added
