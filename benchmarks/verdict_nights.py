"""Sixty nights of a pipeline that gets a little worse every night, beside a champion that ages: who says so?"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.report import say
from benchmarks.verdict_outcomes import Pair, draw, worse
from freshet.judge.margins import lower_bounds
from freshet.judge.metrics import Values
from freshet.judge.params import JudgeParams

SKEW: Final = 0.8
LOSES: Final = 0.005  # of its quality, a freshly trained model from night to night
AGES: Final = 0.01  # of its quality, a model that serves from night to night
BASELINE: Final = 0.9  # of the first model's quality, every night: item-to-item on Online Retail


@dataclass(frozen=True)
class Nights:
    """Sixty nights, on average over the runs. Quality is a share of the first model's on its first night."""

    yardstick: str
    nights: int
    releases: float
    lowest_released: float  # quality of the worst model that any run released
    serves: float  # quality of what serves on the last night
    noticed: float  # the first night on which a verdict says "not as good as the baseline"; beyond the last: never


def nights(pair: Pair, baskets: int, count: int, runs: int, params: JudgeParams, seed: int) -> list[Nights]:
    """With the champion as the only measure, and with the baselines asked every night."""
    rows = []
    for yardstick in ("champion only", "champion and baselines"):
        rng = np.random.default_rng([seed, count])
        figures = np.array([_run(pair, baskets, count, yardstick != "champion only", params, rng) for _ in range(runs)])
        releases, lowest, serves, noticed = figures.T
        row = Nights(
            yardstick,
            count,
            round(float(releases.mean()), 1),
            round(float(lowest.min()), 3),
            round(float(serves.mean()), 3),
            round(float(noticed.mean()), 1),
        )
        say(str(row))
        rows.append(row)
    return rows


def _run(
    pair: Pair, baskets: int, count: int, baselines: bool, params: JudgeParams, rng: np.random.Generator
) -> tuple[int, float, float, int]:
    """(releases, lowest quality released, quality of what serves in the end, night on which it was noticed)."""
    champion, releases, lowest, noticed = 1.0, 0, 1.0, count + 1
    for night in range(1, count + 1):
        champion *= 1 - AGES
        fresh = (1 - LOSES) ** night
        bounds = _bounds(pair, baskets, (fresh, champion, BASELINE), params, rng)
        if baselines and bounds[1] <= 0:
            noticed = min(noticed, night)
        if bounds[0] > 0 and (bounds[1] > 0 or not baselines):
            champion, releases, lowest = fresh, releases + 1, min(lowest, fresh)
    return releases, lowest, champion, noticed


def _bounds(
    pair: Pair, baskets: int, qualities: tuple[float, ...], params: JudgeParams, rng: np.random.Generator
) -> Values:
    """(2,) of the challenger against champion and baseline: above 0 is no worse by the margin."""
    drawn = draw(pair, baskets, SKEW, len(qualities), rng)
    mine, *others = (worse(values, 1 - q, rng) for values, q in zip(drawn.values.T, qualities, strict=True))
    columns = mine[:, None] - (1 - params.margin) * np.column_stack(others)
    return lower_bounds(columns, drawn.owners, params)[0]
