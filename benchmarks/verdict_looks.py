"""Several models, each truly worse by the margin, tried on the same days against one champion until one passes."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.report import say
from benchmarks.verdict_outcomes import Pair, draw, worse
from freshet.judge.margins import lower_bounds
from freshet.judge.params import JudgeParams

TRIES: Final = 10
SKEW: Final = 0.8


@dataclass(frozen=True)
class Looks:
    """How often a wrong release has come about by the k-th model."""

    pair: str
    baskets: int
    worse: float
    by_try: tuple[float, ...]  # every model is judged
    first_only: float  # one verdict per window and champion; the others wait for a person


def looks(pair: Pair, baskets: int, runs: int, params: JudgeParams, seed: int) -> Looks:
    """The share of `runs` windows in which one of the first k models is released, k = 1 … TRIES."""
    rng = np.random.default_rng([seed, baskets, TRIES])
    passed = np.zeros((runs, TRIES), dtype=bool)
    for run in range(runs):
        drawn = draw(pair, baskets, SKEW, 1 + TRIES, rng)
        columns = worse(drawn.values[:, 1:], params.margin, rng) - (1 - params.margin) * drawn.values[:, :1]
        passed[run] = lower_bounds(columns, drawn.owners, params)[0] > 0
    by_try = np.maximum.accumulate(passed, axis=1).mean(axis=0)
    outcome = Looks(pair.name, baskets, params.margin, tuple(by_try.round(4).tolist()), round(float(by_try[0]), 4))
    say(str(outcome))
    return outcome
