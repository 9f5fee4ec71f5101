"""Why an item is recommended: what its score would be without each of the shopper's events, one after the other.

Exact, not estimated: the ranker is asked L + 1 histories in one batch, the whole one and L with an event left out, as
if it had never happened: the gaps around it close, and an older event moves into a full window.
"""

from dataclasses import dataclass

import numpy as np

from freshet.data.history import Histories, Ints, ModelInput, model_input
from freshet.data.knn_blend import blend_terms
from freshet.inference.ranker import Ranker
from freshet.inference.scoring import EncodedHistories, Scores


@dataclass(frozen=True)
class EventContribution:
    """An event of the history and what it does to an item's score. Above 0: without it the score would be lower."""

    event_row: int  # row of the history that was asked for
    score_delta: float


@dataclass(frozen=True)
class Explanation:
    """One item's score and the events behind it, the one that moves it most first."""

    item: int  # vocabulary index
    score: float
    contributions: tuple[EventContribution, ...]  # of every event that the encoder reads; none where it knows none


def explain(ranker: Ranker, history: Histories, items: Ints) -> list[Explanation]:
    """An explanation for each of n items (n,), of one shopper's history.

    Of a history of one known event the comparison is with the encoder's answer to an empty one. Raises BundleError when
    the encoder's answer is not a number.
    """
    known_rows = np.flatnonzero(history.items > 0)[-ranker.max_history - 1 :]  # one more may move into the window
    left_out_rows = known_rows[-ranker.max_history :]
    if len(known_rows) == 0:
        return [Explanation(int(item), float(ranker.bundle.baselines.popularity[item]), ()) for item in items]
    batch = model_input(_leave_one_out(history, known_rows, left_out_rows), ranker.max_history)
    scores = _encoder_scores(
        ranker.encode_checked(batch), batch.items, np.diff(batch.offsets), ranker.bundle.item_embeddings, items
    )
    scores += _blend_scores(ranker, batch, items)
    score_deltas = scores[0] - scores[1:]  # (L, n)
    explanations = []
    for column, item in enumerate(items):
        order = np.argsort(-np.abs(score_deltas[:, column]), kind="stable")
        contributions = tuple(
            EventContribution(int(left_out_rows[row]), float(score_deltas[row, column])) for row in order
        )
        explanations.append(Explanation(int(item), float(scores[0, column]), contributions))
    return explanations


def _leave_one_out(history: Histories, rows: Ints, left_out_rows: Ints) -> Histories:
    """L + 1 histories: the rows, and the rows without each of `left_out`."""
    row_sets = [rows, *(rows[rows != row] for row in left_out_rows)]
    all_rows = np.concatenate(row_sets)
    return Histories(
        shoppers=np.repeat(history.shoppers, len(row_sets)),
        offsets=np.cumsum([0, *map(len, row_sets)], dtype=np.int64),
        items=history.items[all_rows],
        types=history.types[all_rows],
        times=history.times[all_rows],
        days=history.days[all_rows],
    )


def _encoder_scores(
    encoded: EncodedHistories, history_items: Ints, sizes: Ints, item_embeddings: Scores, items: Ints
) -> Scores:
    """(B, n) the scores of some items only: the same numbers as `Encoded.scores`, without the other columns."""
    out: Scores = encoded.embeddings @ item_embeddings[items].T
    history_rows = np.repeat(np.arange(len(sizes)), sizes)
    for column, item in enumerate(items):
        matches = history_items == item
        out[:, column] += np.bincount(history_rows[matches], encoded.repeat_scores[matches], minlength=len(sizes))
    return out


def _blend_scores(ranker: Ranker, batch: ModelInput, items: Ints) -> Scores:
    """(B, n) what the ranker adds to these items for going with what was met, or coming after it."""
    bundle, n_scores = ranker.bundle, ranker.n_scores
    target_cells = np.arange(len(batch.offsets) - 1)[:, None] * n_scores + items  # (B, n)
    blend_scores: Scores = np.zeros(target_cells.shape, dtype=np.float32)
    for cells, values in blend_terms(batch, bundle.baselines.blend_tables, bundle.manifest.blend, n_scores):
        positions = np.searchsorted(cells, target_cells)
        matches = np.append(cells, -1)[positions] == target_cells
        blend_scores += np.where(matches, np.append(values, 0.0)[positions], 0.0).astype(np.float32)
    return blend_scores
