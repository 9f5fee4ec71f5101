"""What a challenger is made of, each part asked by itself: the encoder without the tables, the tables without it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from freshet.data.history import ModelInput
from freshet.inference.ranker import Ranker
from freshet.inference.scoring import EXCLUDED_SCORE, Scores


@dataclass(frozen=True)
class EncoderOnlyRanker:
    """The ranker without anything that is blended into its scores."""

    ranker: Ranker

    @property
    def max_history(self) -> int:
        """Events of a history that the encoder reads."""
        return self.ranker.max_history

    @property
    def n_scores(self) -> int:
        """V + 1."""
        return self.ranker.n_scores

    def score(self, batch: ModelInput) -> Scores:
        """(B, V + 1) as the encoder says; a history in which nothing is known gets what is popular."""
        bundle = self.ranker.bundle
        scores = self.ranker.encode_checked(batch).item_scores(batch, bundle.item_embeddings)
        scores[np.diff(batch.offsets) == 0] = bundle.baselines.popularity
        scores[:, 0] = EXCLUDED_SCORE
        scores[:, bundle.vocabulary.delisted] = EXCLUDED_SCORE
        return scores


@dataclass(frozen=True)
class ZeroEncoderSession:
    """Stands where a ranker's session does and answers 0: a ranker with it ranks by its tables alone."""

    dim: int

    def run(self, output_names: Sequence[str], feeds: Mapping[str, Any]) -> list[Scores]:
        """`vectors` (B, D) and `repeats` (B, T), all 0."""
        items = np.asarray(feeds["items"])
        shapes = {"vectors": (len(items), self.dim), "repeats": items.shape}
        return [np.zeros(shapes[name], np.float32) for name in output_names]


def blend_only_ranker(ranker: Ranker) -> Ranker:
    """The very ranker, with an encoder that says nothing."""
    return replace(ranker, session=ZeroEncoderSession(ranker.bundle.item_embeddings.shape[1]))
