"""Ablations of a ranker: its encoder without the blend, and its blend without the encoder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from freshet.data.history import ModelInput
from freshet.inference.ranker import Ranker
from freshet.inference.scoring import EXCLUDED_SCORE, Scores


@dataclass(frozen=True)
class EncoderOnlyRanker:
    """A ranker's encoder without item kNN and sequential rules blended into its scores."""

    ranker: Ranker

    @property
    def max_history(self) -> int:
        """Maximum number of events of a history."""
        return self.ranker.max_history

    @property
    def n_scores(self) -> int:
        """V + 1."""
        return self.ranker.n_scores

    def score(self, batch: ModelInput) -> Scores:
        """(B, V + 1) scores of the encoder; a history without known items gets popularity."""
        bundle = self.ranker.bundle
        scores = self.ranker.encode_checked(batch).item_scores(batch, bundle.item_embeddings)
        scores[np.diff(batch.offsets) == 0] = bundle.baselines.popularity
        scores[:, bundle.vocabulary.excluded_items] = EXCLUDED_SCORE
        return scores


@dataclass(frozen=True)
class ZeroEncoderSession:
    """An encoder session whose outputs are 0, so that only the blend ranks."""

    dim: int

    def run(self, output_names: Sequence[str], feeds: Mapping[str, Any]) -> list[Scores]:
        """Return `vectors` (B, D) and `repeats` (B, T), all 0."""
        items = np.asarray(feeds["items"])
        shapes = {"vectors": (len(items), self.dim), "repeats": items.shape}
        return [np.zeros(shapes[name], np.float32) for name in output_names]


def blend_only_ranker(ranker: Ranker) -> Ranker:
    """Return the ranker with an encoder that outputs 0."""
    return replace(ranker, session=ZeroEncoderSession(ranker.bundle.item_embeddings.shape[1]))
