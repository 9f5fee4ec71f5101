"""V-SKNN, vector session k-nearest neighbours: items of the most similar sessions, later clicks weigh more.

After Ludewig and Jannach, Evaluation of session-based recommendation algorithms (2018). The query session s has weights
w(i) = position of i in s / length of s, the last position where an item occurs twice:

    sim(s, n) = sum of w(i) over the items i of both
    score(j)  = (1 + idf(j)) · sum of sim(s, n) over the neighbours n with j,  idf(j) = ln(N / sessions with j)

The neighbours are the `n_neighbours` most similar of the `n_candidates` most recent sessions that share an item with s.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from freshet.data.history import Histories, Ints, ModelInput, is_target, select_events
from freshet.inference.scoring import EXCLUDED_SCORE, Scores

N_NEIGHBOURS: Final = 100
N_CANDIDATES: Final = 1000
POPULARITY_WEIGHT: Final = 1e-9  # popularity only orders the items that no neighbour has


@dataclass(frozen=True)
class SessionKnn:
    """The V-SKNN scorer over N sessions, the most recent last."""

    sessions: sparse.csr_matrix  # (N, V + 1) of ones
    item_weights: NDArray[np.float64]  # (V + 1,) 1 + idf
    popularity: NDArray[np.float64]  # (V + 1,)
    n_candidates: int
    n_neighbours: int = N_NEIGHBOURS
    max_history: int = 1_000_000  # the whole history counts

    @classmethod
    def fit(
        cls,
        histories: Histories,
        n_items: int,
        has_times: bool,
        n_neighbours: int = N_NEIGHBOURS,
        n_candidates: int = N_CANDIDATES,
    ) -> "SessionKnn":
        """A scorer whose sessions are the histories. n_items: V + 1. Without times all sessions are candidates."""
        target_events = select_events(histories, (histories.items > 0) & is_target(histories.types))
        target_events = _sort_by_last_event(target_events) if has_times else target_events
        ones = np.ones(len(target_events.items), dtype=np.float32)
        sessions = sparse.csr_matrix(
            (ones, target_events.items, target_events.offsets), shape=(len(target_events), n_items)
        )
        sessions.sum_duplicates()
        sessions.data[:] = 1
        session_counts = np.maximum(np.bincount(sessions.indices, minlength=n_items), 1)
        popularity = np.bincount(target_events.items, minlength=n_items).astype(np.float64)
        item_weights = 1 + np.log(np.maximum(len(target_events), 1) / session_counts)
        return cls(
            sessions, item_weights, popularity, n_candidates if has_times else max(1, len(target_events)), n_neighbours
        )

    @property
    def n_scores(self) -> int:
        """V + 1."""
        return len(self.item_weights)

    def score(self, batch: ModelInput) -> Scores:
        """(B, V + 1) scores."""
        case, session, similarity = self._nearest_sessions(self._query_weights(batch))
        shape = (len(batch.offsets) - 1, self.sessions.shape[0])
        neighbour_scores = (sparse.csr_matrix((similarity, (case, session)), shape=shape) @ self.sessions).toarray()
        weighted_scores = neighbour_scores * self.item_weights + POPULARITY_WEIGHT * self.popularity / max(
            1.0, self.popularity.max()
        )
        weighted_scores[:, 0] = EXCLUDED_SCORE
        scores: Scores = weighted_scores.astype(np.float32)
        return scores

    def _query_weights(self, batch: ModelInput) -> sparse.csr_matrix:
        """(B, V + 1) weights w of the query sessions."""
        lengths = np.diff(batch.offsets)
        case = np.repeat(np.arange(len(lengths)), lengths)
        position = np.arange(len(batch.items)) - np.repeat(batch.offsets[:-1], lengths) + 1
        weights = np.zeros((len(lengths), self.n_scores))
        np.maximum.at(weights, (case, batch.items), position / np.maximum(lengths[case], 1))
        return sparse.csr_matrix(weights)

    def _nearest_sessions(self, weights: sparse.csr_matrix) -> tuple[Ints, Ints, NDArray[np.float64]]:
        """(K,) each: case, neighbour and similarity, the neighbours of a case together."""
        similarities = (weights @ self.sessions.T).tocsr()
        similarities.sort_indices()
        n_candidates = np.diff(similarities.indptr)
        case = np.repeat(np.arange(len(n_candidates)), n_candidates)
        from_end = np.repeat(similarities.indptr[1:], n_candidates) - np.arange(similarities.nnz)
        is_recent = from_end <= self.n_candidates
        case, session, similarity = case[is_recent], similarities.indices[is_recent], similarities.data[is_recent]
        order = np.lexsort((-session, -similarity, case))
        rank = np.arange(len(order)) - np.searchsorted(case[order], case[order], side="left")
        selected_rows = order[rank < self.n_neighbours]
        return case[selected_rows], session[selected_rows].astype(np.int64), similarity[selected_rows]


def _sort_by_last_event(histories: Histories) -> Histories:
    """The histories in the order of their last event; empty ones first."""
    lengths = np.diff(histories.offsets)
    last = np.full(len(lengths), -1, dtype=np.int64)
    last[lengths > 0] = histories.times[histories.offsets[1:][lengths > 0] - 1]
    order = np.argsort(last, kind="stable")
    rows = _expand_ranges(histories.offsets[:-1][order], lengths[order])
    offsets = np.concatenate([[0], np.cumsum(lengths[order])])
    h = histories
    return Histories(h.shoppers[order], offsets, h.items[rows], h.types[rows], h.times[rows], h.days[rows])


def _expand_ranges(starts: Ints, sizes: Ints) -> Ints:
    """starts[0] … starts[0] + sizes[0] - 1, then those of the next, end to end."""
    packed_starts = np.cumsum(sizes) - sizes
    rows: Ints = np.arange(sizes.sum()) + np.repeat(starts - packed_starts, sizes)
    return rows
