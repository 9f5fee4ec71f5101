"""V-SKNN: what the sessions most like this one went on to, later clicks weighing more.

After Ludewig and Jannach, Evaluation of session-based recommendation algorithms (2018). A session s asks with weights
w(i) = place of i in s / length of s, the last place counting where an item comes twice:

    sim(s, n) = sum of w(i) over the items i of both
    score(j)  = (1 + idf(j)) · sum of sim(s, n) over the neighbours n with j,  idf(j) = ln(N / sessions with j)

The neighbours are the `nearest` most like s of the `sample` most recent sessions that share an item with it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from freshet.history import Histories, Ints, ModelInput, is_target, select
from freshet.live.scorer import NEVER, Scores

NEAREST: Final = 100
SAMPLE: Final = 1000
BELOW: Final = 1e-9  # of popularity: it only decides between items that no neighbour has


@dataclass(frozen=True)
class Neighbours:
    """N sessions as sets of items, the most recent last."""

    sessions: sparse.csr_matrix  # (N, V + 1) of ones
    worth: NDArray[np.float64]  # (V + 1,) 1 + idf
    popularity: NDArray[np.float64]  # (V + 1,)
    sample: int
    nearest: int = NEAREST
    length: int = 1_000_000  # the whole history counts

    @classmethod
    def of(
        cls, histories: Histories, size: int, timed: bool, nearest: int = NEAREST, sample: int = SAMPLE
    ) -> "Neighbours":
        """Every history a session. size: V + 1. Without times nothing is more recent: then all are looked at."""
        known = select(histories, (histories.items > 0) & is_target(histories.types))
        known = _by_end(known) if timed else known
        ones = np.ones(len(known.items), dtype=np.float32)
        sessions = sparse.csr_matrix((ones, known.items, known.offsets), shape=(len(known), size))
        sessions.sum_duplicates()
        sessions.data[:] = 1
        having = np.maximum(np.bincount(sessions.indices, minlength=size), 1)
        counts = np.bincount(known.items, minlength=size).astype(np.float64)
        worth = 1 + np.log(np.maximum(len(known), 1) / having)
        return cls(sessions, worth, counts, sample if timed else max(1, len(known)), nearest)

    @property
    def width(self) -> int:
        """V + 1."""
        return len(self.worth)

    def score(self, batch: ModelInput) -> Scores:
        """(B, V + 1)."""
        case, session, similarity = self._nearest(self._question(batch))
        shape = (len(batch.offsets) - 1, self.sessions.shape[0])
        heard = (sparse.csr_matrix((similarity, (case, session)), shape=shape) @ self.sessions).toarray()
        out = heard * self.worth + BELOW * self.popularity / max(1.0, self.popularity.max())
        out[:, 0] = NEVER
        scores: Scores = out.astype(np.float32)
        return scores

    def _question(self, batch: ModelInput) -> sparse.csr_matrix:
        """(B, V + 1) the weights w."""
        lengths = np.diff(batch.offsets)
        case = np.repeat(np.arange(len(lengths)), lengths)
        place = np.arange(len(batch.items)) - np.repeat(batch.offsets[:-1], lengths) + 1
        weights = np.zeros((len(lengths), self.width))
        np.maximum.at(weights, (case, batch.items), place / np.maximum(lengths[case], 1))
        return sparse.csr_matrix(weights)

    def _nearest(self, weights: sparse.csr_matrix) -> tuple[Ints, Ints, NDArray[np.float64]]:
        """(K,) each: case, neighbour and similarity, the neighbours of a case together."""
        alike = (weights @ self.sessions.T).tocsr()
        alike.sort_indices()
        found = np.diff(alike.indptr)
        case = np.repeat(np.arange(len(found)), found)
        from_end = np.repeat(alike.indptr[1:], found) - np.arange(alike.nnz)
        recent = from_end <= self.sample
        case, session, similarity = case[recent], alike.indices[recent], alike.data[recent]
        order = np.lexsort((-session, -similarity, case))
        rank = np.arange(len(order)) - np.searchsorted(case[order], case[order], side="left")
        kept = order[rank < self.nearest]
        return case[kept], session[kept].astype(np.int64), similarity[kept]


def _by_end(histories: Histories) -> Histories:
    """The histories in the order of their last event; empty ones first."""
    lengths = np.diff(histories.offsets)
    last = np.full(len(lengths), -1, dtype=np.int64)
    last[lengths > 0] = histories.times[histories.offsets[1:][lengths > 0] - 1]
    order = np.argsort(last, kind="stable")
    rows = _ranges(histories.offsets[:-1][order], lengths[order])
    offsets = np.concatenate([[0], np.cumsum(lengths[order])])
    h = histories
    return Histories(h.shoppers[order], offsets, h.items[rows], h.types[rows], h.times[rows], h.days[rows])


def _ranges(starts: Ints, sizes: Ints) -> Ints:
    """starts[0] … starts[0] + sizes[0] - 1, then those of the next, end to end."""
    before = np.cumsum(sizes) - sizes
    rows: Ints = np.arange(sizes.sum()) + np.repeat(starts - before, sizes)
    return rows
