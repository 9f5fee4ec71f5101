"""Leave-one-out explanations: how an item's score changes without each of the shopper's events.

Exact, not estimated: the ranker scores L + 1 histories in one batch, the full one and L with one event left out, as if
it had not happened: the gaps around it close, and an older event moves into a full window.
"""

from dataclasses import dataclass

import numpy as np

from freshet.data.history import Histories, Ints, ModelInput, model_input
from freshet.data.knn_blend import blend_terms
from freshet.inference.ranker import Ranker
from freshet.inference.scoring import EncodedHistories, Scores


@dataclass(frozen=True)
class EventContribution:
    """The contribution of one event to an item's score; positive if the score would be lower without the event."""

    event_row: int  # row in the explained history
    score_delta: float


@dataclass(frozen=True)
class Explanation:
    """An item's score and the contributions of the events, the largest absolute one first."""

    item: int  # vocabulary index
    score: float
    contributions: tuple[EventContribution, ...]  # of each event that the encoder reads; () for popular items


def explain(ranker: Ranker, history: Histories, items: Ints) -> list[Explanation]:
    """Return an explanation for each of n items (n,), for one shopper's history.

    A history with one known event is compared with the encoder's output for an empty one. Raises BundleError if an
    encoder output is not a number.
    """
    known_rows = np.flatnonzero(history.items > 0)[
        -ranker.max_history - 1 :
    ]  # one more, which may move into the window
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
    """Return L + 1 histories: all rows, and all rows without each of `left_out_rows`."""
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
    """(B, n) the columns `items` of `EncodedHistories.item_scores`."""
    out: Scores = encoded.embeddings @ item_embeddings[items].T
    history_rows = np.repeat(np.arange(len(sizes)), sizes)
    for column, item in enumerate(items):
        matches = history_items == item
        out[:, column] += np.bincount(history_rows[matches], encoded.repeat_scores[matches], minlength=len(sizes))
    return out


def _blend_scores(ranker: Ranker, batch: ModelInput, items: Ints) -> Scores:
    """(B, n) what the blend of item kNN and sequential rules adds to the scores of these items."""
    bundle, n_scores = ranker.bundle, ranker.n_scores
    target_cells = np.arange(len(batch.offsets) - 1)[:, None] * n_scores + items  # (B, n)
    blend_scores: Scores = np.zeros(target_cells.shape, dtype=np.float32)
    for cells, values in blend_terms(batch, bundle.baselines.blend_tables, bundle.manifest.blend, n_scores):
        positions = np.searchsorted(cells, target_cells)
        matches = np.append(cells, -1)[positions] == target_cells
        blend_scores += np.where(matches, np.append(values, 0.0)[positions], 0.0).astype(np.float32)
    return blend_scores
