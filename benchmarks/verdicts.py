"""`python -m benchmarks.verdicts`: how often a verdict is wrong, by baskets, shoppers and what a model truly lacks.

Per-case outcomes are drawn as two trainings of one configuration gave them on real shops (benchmarks/verdict_outcomes),
and judged by the judge's own bootstrap. Beside it the way it was: a bootstrap that draws baskets. Then many models that
are tried on the same days, and 60 nights of ageing. Last line: JSON.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import finish, say
from benchmarks.verdict_looks import looks
from benchmarks.verdict_nights import nights
from benchmarks.verdict_outcomes import CLICKS, CLUSTERED, PAIRS, Pair, draw, worse
from freshet.judge.bootstrap import effective_shoppers
from freshet.judge.margins import lower_bounds
from freshet.judge.params import JudgeParams

BASKETS = (500, 1_000, 3_000, 10_000)
WORSE = (0.0, 0.01, 0.02, 0.05)  # share of its NDCG that the challenger truly lacks
SKEWS = {"one basket each": 0.0, "a few each": 0.8, "some have hundreds": 1.6}
USUAL = "a few each"
MOST = 1_000_000  # baskets drawn for a point: fewer verdicts where each is large
SAMPLES = 500  # of the bootstrap: a quarter of the judge's, for speed


@dataclass(frozen=True)
class Point:
    """How often a challenger of one configuration, only fresher, is released."""

    pair: str
    shoppers: str
    baskets: int
    runs: int
    effective_shoppers: int
    error: float  # standard error of the difference, as a share of the champion's NDCG
    worse: tuple[float, ...]
    released: tuple[float, ...]  # by drawing shoppers, at each of `worse`
    released_by_baskets: tuple[float, ...]  # the way it was


def main() -> None:
    """Prints a table, then the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=500, help="verdicts behind a figure, at most")
    parser.add_argument("--nights", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--baskets", type=_numbers, default=BASKETS, help="500,1000")
    arguments = parser.parse_args()
    params, begun = JudgeParams(samples=SAMPLES), time.perf_counter()
    points = list(curve(arguments.baskets, arguments.runs, params, arguments.seed))
    say(as_table(points))
    usual = 3_000 if 3_000 in arguments.baskets else arguments.baskets[-1]
    tries = looks(CLICKS, usual, arguments.runs, params, arguments.seed)
    aged = nights(CLICKS, usual, arguments.nights, max(1, arguments.runs // 50), params, arguments.seed)
    finish(
        "verdicts",
        {
            "runs": arguments.runs,
            "curve": [asdict(point) for point in points],
            "looks": asdict(tries),
            "nights": [asdict(night) for night in aged],
            "seconds": round(time.perf_counter() - begun, 1),
        },
    )


def curve(baskets: tuple[int, ...], runs: int, params: JudgeParams, seed: int) -> Iterator[Point]:
    """A point per pair and number of baskets; of the last pair also with other numbers of baskets a shopper."""
    for pair in PAIRS:
        for name in SKEWS if pair is CLUSTERED else (USUAL,):
            for count in baskets:
                yield point(pair, name, count, runs, params, seed)


def point(pair: Pair, name: str, baskets: int, runs: int, params: JudgeParams, seed: int) -> Point:
    """Verdicts on so many baskets of shoppers who have as many each as `name` says."""
    skew = SKEWS[name]
    rng = np.random.default_rng([seed, baskets, round(10 * skew)])
    runs = max(1, min(runs, MOST // baskets))
    new, old, errors, effective = [], [], [], []
    for _ in range(runs):
        drawn = draw(pair, baskets, skew, 2, rng)
        champion = drawn.values[:, 0]
        columns = np.column_stack([worse(drawn.values[:, 1], share, rng) for share in WORSE])
        columns -= (1 - params.margin) * champion[:, None]
        bounds, error = lower_bounds(columns, drawn.owners, params)
        effective.append(effective_shoppers(drawn.owners))
        new.append((bounds > 0) & (effective[-1] >= params.minimum_shoppers))
        old.append(lower_bounds(columns, np.arange(baskets), params)[0] > 0)
        errors.append(error[0] / champion.mean())
    counted, error_share = round(float(np.mean(effective))), round(float(np.mean(errors)), 5)
    point = Point(pair.name, name, baskets, runs, counted, error_share, WORSE, _shares(new), _shares(old))
    say(str(point))
    return point


def as_table(points: list[Point]) -> str:
    """Markdown: released by drawing shoppers, in brackets by drawing baskets."""
    head = ["pair", "baskets a shopper", "baskets", "shoppers count as", "error", *(f"−{share:.0%}" for share in WORSE)]
    rows = [
        [p.pair, p.shoppers, f"{p.baskets:,}", f"{p.effective_shoppers:,}", f"{p.error:.2%}",
         *(f"{new:.1%} ({old:.1%})" for new, old in zip(p.released, p.released_by_baskets, strict=True))]
        for p in points
    ]  # fmt: skip
    lines = [head, ["---", "---", *("---:" for _ in head[2:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shares(passed: list[NDArray[np.bool_]]) -> tuple[float, ...]:
    return tuple(np.mean(passed, axis=0).round(4).tolist())


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))


if __name__ == "__main__":
    main()
