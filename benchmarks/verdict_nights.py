"""Nights of a pipeline that gets a little worse every night, while the champion ages: when do verdicts notice?"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.report import print_progress
from benchmarks.verdict_outcomes import ModelPair, degrade, draw_outcomes
from freshet.evaluation.margins import lower_bounds
from freshet.evaluation.metrics import Values
from freshet.evaluation.params import EvaluationParams

BASKET_SKEW: Final = 0.8
NIGHTLY_LOSS: Final = 0.005  # share of its quality that a newly trained model loses from night to night
NIGHTLY_AGEING: Final = 0.01  # share of its quality that the champion loses from night to night
BASELINE_QUALITY: Final = 0.9  # relative to the first model, every night: item-to-item on Online Retail


@dataclass(frozen=True)
class NightsSummary:
    """Averages over the runs. Quality is relative to the first model on its first night."""

    compared_with: str
    nights: int
    releases: float
    lowest_released: float  # quality of the worst model that any run released
    final_quality: float  # of the champion on the last night
    noticed_night: float  # the first night with the verdict "worse than the baseline"; nights + 1: none


def simulate_nights(
    pair: ModelPair, baskets: int, count: int, runs: int, params: EvaluationParams, seed: int
) -> list[NightsSummary]:
    """Nights in which models are compared with the champion only, and with champion and baselines."""
    rows = []
    for compared_with in ("champion only", "champion and baselines"):
        rng = np.random.default_rng([seed, count])
        figures = np.array(
            [_simulate_run(pair, baskets, count, compared_with != "champion only", params, rng) for _ in range(runs)]
        )
        releases, lowest_quality, final_quality, noticed = figures.T
        row = NightsSummary(
            compared_with,
            count,
            round(float(releases.mean()), 1),
            round(float(lowest_quality.min()), 3),
            round(float(final_quality.mean()), 3),
            round(float(noticed.mean()), 1),
        )
        print_progress(str(row))
        rows.append(row)
    return rows


def _simulate_run(
    pair: ModelPair, baskets: int, count: int, baselines: bool, params: EvaluationParams, rng: np.random.Generator
) -> tuple[int, float, float, int]:
    """(releases, lowest quality released, the champion's quality in the end, the night on which it was noticed)."""
    champion, releases, lowest_quality, noticed = 1.0, 0, 1.0, count + 1
    for night in range(1, count + 1):
        champion *= 1 - NIGHTLY_AGEING
        challenger = (1 - NIGHTLY_LOSS) ** night
        bounds = _quality_bounds(pair, baskets, (challenger, champion, BASELINE_QUALITY), params, rng)
        if baselines and bounds[1] <= 0:
            noticed = min(noticed, night)
        if bounds[0] > 0 and (bounds[1] > 0 or not baselines):
            champion, releases, lowest_quality = challenger, releases + 1, min(lowest_quality, challenger)
    return releases, lowest_quality, champion, noticed


def _quality_bounds(
    pair: ModelPair, baskets: int, qualities: tuple[float, ...], params: EvaluationParams, rng: np.random.Generator
) -> Values:
    """(2,) lower bounds of challenger minus champion and baseline; above 0: not worse by the margin."""
    outcomes = draw_outcomes(pair, baskets, BASKET_SKEW, len(qualities), rng)
    challenger_values, *reference_values = (
        degrade(values, 1 - q, rng) for values, q in zip(outcomes.values.T, qualities, strict=True)
    )
    differences = challenger_values[:, None] - (1 - params.non_inferiority_margin) * np.column_stack(reference_values)
    return lower_bounds(differences, outcomes.owners, params)[0]
