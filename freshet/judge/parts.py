"""What a challenger is made of, each part asked by itself: the encoder without the tables, the tables without it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from freshet.history import ModelInput
from freshet.live.ranker import Ranker
from freshet.live.scorer import NEVER, Scores


@dataclass(frozen=True)
class EncoderAlone:
    """The ranker without anything that is blended into its scores."""

    ranker: Ranker

    @property
    def length(self) -> int:
        """Events of a history that the encoder reads."""
        return self.ranker.length

    @property
    def width(self) -> int:
        """V + 1."""
        return self.ranker.width

    def score(self, batch: ModelInput) -> Scores:
        """(B, V + 1) as the encoder says; a history in which nothing is known gets what is popular."""
        bundle = self.ranker.bundle
        scores = self.ranker.sound(batch).scores(batch, bundle.item_vectors)
        scores[np.diff(batch.offsets) == 0] = bundle.baselines.popularity
        scores[:, 0] = NEVER
        scores[:, bundle.vocabulary.tombstones] = NEVER
        return scores


@dataclass(frozen=True)
class Silent:
    """Stands where a ranker's session does and answers 0: a ranker with it ranks by its tables alone."""

    dimensions: int

    def run(self, names: Sequence[str], feeds: Mapping[str, Any]) -> list[Scores]:
        """`vectors` (B, D) and `repeats` (B, T), all 0."""
        items = np.asarray(feeds["items"])
        shapes = {"vectors": (len(items), self.dimensions), "repeats": items.shape}
        return [np.zeros(shapes[name], np.float32) for name in names]


def blend_alone(ranker: Ranker) -> Ranker:
    """The very ranker, with an encoder that says nothing."""
    return replace(ranker, session=Silent(ranker.bundle.item_vectors.shape[1]))
