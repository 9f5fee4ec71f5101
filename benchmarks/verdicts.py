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

from benchmarks.report import print_progress, print_result
from benchmarks.verdict_looks import simulate_tries
from benchmarks.verdict_nights import simulate_nights
from benchmarks.verdict_outcomes import CLICKS_PAIR, CLUSTERED_PAIR, MODEL_PAIRS, ModelPair, degrade, draw_outcomes
from freshet.evaluation.bootstrap import effective_shoppers
from freshet.evaluation.margins import lower_bounds
from freshet.evaluation.params import EvaluationParams

BASKET_COUNTS = (500, 1_000, 3_000, 10_000)
TRUE_LOSSES = (0.0, 0.01, 0.02, 0.05)  # share of its NDCG that the challenger truly lacks
BASKET_SKEWS = {"one basket each": 0.0, "a few each": 0.8, "some have hundreds": 1.6}
DEFAULT_SKEW = "a few each"
MAX_BASKETS_PER_POINT = 1_000_000  # baskets drawn for a point: fewer verdicts where each is large
BOOTSTRAP_SAMPLES = 500  # of the bootstrap: a quarter of the judge's, for speed


@dataclass(frozen=True)
class VerdictPoint:
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
    parser.add_argument("--baskets", type=_parse_ints, default=BASKET_COUNTS, help="500,1000")
    args = parser.parse_args()
    params, start = EvaluationParams(bootstrap_samples=BOOTSTRAP_SAMPLES), time.perf_counter()
    points = list(verdict_curve(args.baskets, args.runs, params, args.seed))
    print_progress(format_table(points))
    n_baskets = 3_000 if 3_000 in args.baskets else args.baskets[-1]
    tries = simulate_tries(CLICKS_PAIR, n_baskets, args.runs, params, args.seed)
    night_rows = simulate_nights(CLICKS_PAIR, n_baskets, args.nights, max(1, args.runs // 50), params, args.seed)
    print_result(
        "verdicts",
        {
            "runs": args.runs,
            "curve": [asdict(point) for point in points],
            "looks": asdict(tries),
            "nights": [asdict(night) for night in night_rows],
            "seconds": round(time.perf_counter() - start, 1),
        },
    )


def verdict_curve(baskets: tuple[int, ...], runs: int, params: EvaluationParams, seed: int) -> Iterator[VerdictPoint]:
    """A point per pair and number of baskets; of the last pair also with other numbers of baskets a shopper."""
    for pair in MODEL_PAIRS:
        for name in BASKET_SKEWS if pair is CLUSTERED_PAIR else (DEFAULT_SKEW,):
            for count in baskets:
                yield verdict_point(pair, name, count, runs, params, seed)


def verdict_point(
    pair: ModelPair, name: str, baskets: int, runs: int, params: EvaluationParams, seed: int
) -> VerdictPoint:
    """Verdicts on so many baskets of shoppers who have as many each as `name` says."""
    skew = BASKET_SKEWS[name]
    rng = np.random.default_rng([seed, baskets, round(10 * skew)])
    runs = max(1, min(runs, MAX_BASKETS_PER_POINT // baskets))
    passed_by_shopper, passed_by_basket, errors, effective_counts = [], [], [], []
    for _ in range(runs):
        outcomes = draw_outcomes(pair, baskets, skew, 2, rng)
        champion = outcomes.values[:, 0]
        differences = np.column_stack([degrade(outcomes.values[:, 1], share, rng) for share in TRUE_LOSSES])
        differences -= (1 - params.non_inferiority_margin) * champion[:, None]
        bounds, error = lower_bounds(differences, outcomes.owners, params)
        effective_counts.append(effective_shoppers(outcomes.owners))
        passed_by_shopper.append((bounds > 0) & (effective_counts[-1] >= params.min_shoppers))
        passed_by_basket.append(lower_bounds(differences, np.arange(baskets), params)[0] > 0)
        errors.append(error[0] / champion.mean())
    mean_effective, error_share = round(float(np.mean(effective_counts))), round(float(np.mean(errors)), 5)
    point = VerdictPoint(
        pair.name,
        name,
        baskets,
        runs,
        mean_effective,
        error_share,
        TRUE_LOSSES,
        _release_shares(passed_by_shopper),
        _release_shares(passed_by_basket),
    )
    print_progress(str(point))
    return point


def format_table(points: list[VerdictPoint]) -> str:
    """Markdown: released by drawing shoppers, in brackets by drawing baskets."""
    head = [
        "pair",
        "baskets a shopper",
        "baskets",
        "shoppers count as",
        "error",
        *(f"−{share:.0%}" for share in TRUE_LOSSES),
    ]
    rows = [
        [p.pair, p.shoppers, f"{p.baskets:,}", f"{p.effective_shoppers:,}", f"{p.error:.2%}",
         *(f"{new:.1%} ({old:.1%})" for new, old in zip(p.released, p.released_by_baskets, strict=True))]
        for p in points
    ]  # fmt: skip
    lines = [head, ["---", "---", *("---:" for _ in head[2:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _release_shares(passed_runs: list[NDArray[np.bool_]]) -> tuple[float, ...]:
    return tuple(np.mean(passed_runs, axis=0).round(4).tolist())


def _parse_ints(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))


if __name__ == "__main__":
    main()
