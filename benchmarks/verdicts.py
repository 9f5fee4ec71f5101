"""How often a verdict is wrong, by number of baskets, number of shoppers and true loss of the challenger.

    python -m benchmarks.verdicts [--runs 500] [--nights 60] [--baskets 500,1000,3000,10000]

Per-basket outcomes are drawn like those of two trainings of one configuration (benchmarks/verdict_outcomes.py) and
tested with the bootstrap of the evaluation, and with the former one that resampled baskets instead of shoppers. Then
repeated tries on the same days, and 60 nights of ageing. Last line: JSON.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.arguments import parse_ints
from benchmarks.report import print_progress, print_result
from benchmarks.verdict_nights import simulate_nights
from benchmarks.verdict_outcomes import CLICKS_PAIR, CLUSTERED_PAIR, MODEL_PAIRS, ModelPair, degrade, draw_outcomes
from benchmarks.verdict_tries import simulate_tries
from freshet.evaluation.bootstrap import effective_shoppers
from freshet.evaluation.margins import lower_bounds
from freshet.evaluation.params import EvaluationParams

BASKET_COUNTS = (500, 1_000, 3_000, 10_000)
TRUE_LOSSES = (0.0, 0.01, 0.02, 0.05)  # share of its NDCG that the challenger lacks
BASKET_SKEWS = {"one basket each": 0.0, "a few each": 0.8, "some have hundreds": 1.6}
DEFAULT_SKEW = "a few each"
MAX_BASKETS_PER_POINT = 1_000_000  # points with many baskets have fewer verdicts
BOOTSTRAP_SAMPLES = 500  # a quarter of the default, for speed


@dataclass(frozen=True)
class VerdictPoint:
    """Shares of verdicts that release a challenger of the champion's configuration, by its true loss."""

    pair: str
    shoppers: str
    baskets: int
    runs: int
    effective_shoppers: int
    error: float  # standard error of the difference, as a share of the champion's NDCG
    true_losses: tuple[float, ...]
    released: tuple[float, ...]  # resampling shoppers, for each true loss
    released_by_baskets: tuple[float, ...]  # resampling baskets


def main() -> None:
    """Draw and test the outcomes, print a table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=500, help="verdicts behind a figure, at most")
    parser.add_argument("--nights", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--baskets", type=parse_ints, default=BASKET_COUNTS, help="500,1000")
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
            "tries": asdict(tries),
            "nights": [asdict(night) for night in night_rows],
            "seconds": round(time.perf_counter() - start, 1),
        },
    )


def verdict_curve(baskets: Sequence[int], runs: int, params: EvaluationParams, seed: int) -> Iterator[VerdictPoint]:
    """A point per pair and number of baskets; for the last pair also with other distributions of baskets."""
    for pair in MODEL_PAIRS:
        for name in BASKET_SKEWS if pair is CLUSTERED_PAIR else (DEFAULT_SKEW,):
            for count in baskets:
                yield verdict_point(pair, name, count, runs, params, seed)


def verdict_point(
    pair: ModelPair, name: str, baskets: int, runs: int, params: EvaluationParams, seed: int
) -> VerdictPoint:
    """Verdicts on so many baskets, distributed over shoppers as BASKET_SKEWS[name] says."""
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
    point = VerdictPoint(
        pair=pair.name,
        shoppers=name,
        baskets=baskets,
        runs=runs,
        effective_shoppers=round(float(np.mean(effective_counts))),
        error=round(float(np.mean(errors)), 5),
        true_losses=TRUE_LOSSES,
        released=_release_shares(passed_by_shopper),
        released_by_baskets=_release_shares(passed_by_basket),
    )
    print_progress(str(point))
    return point


def format_table(points: list[VerdictPoint]) -> str:
    """A markdown table: shares released when shoppers are resampled, in brackets when baskets are."""
    head = [
        "pair",
        "baskets per shopper",
        "baskets",
        "effective shoppers",
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


if __name__ == "__main__":
    main()
