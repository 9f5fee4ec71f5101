"""What lists are worth, and the mean and deviation over seeds: computed here alike for everybody."""

import statistics
from collections.abc import Mapping, Sequence

import numpy as np

from freshet.cases import Cases
from freshet.history import Ints
from freshet.judge.evaluation import Scores, hits

DEEPEST = 20  # places of a list that any metric looks at
NAMES = {"hr": "hit_rate"}  # the field's short name → the judge's

Figures = dict[str, float]
Summary = dict[str, dict[str, float | None]]


def figures(lists: Ints, cases: Cases, metrics: Sequence[str]) -> Figures:
    """Metric, as `ndcg@10`, → its mean over the cases. lists: (C, DEEPEST) items, best first, 0 = empty place."""
    scores = Scores(lists, hits(lists, cases), np.diff(cases.target_offsets))
    found = {}
    for metric in metrics:
        name, _, k = metric.partition("@")
        found[metric] = float(scores.per_case(int(k))[f"{NAMES.get(name, name)}@{k}"].mean())
    return found


def summary(runs: Sequence[Figures]) -> Summary:
    """Mean and sample deviation over the runs; one run has no deviation."""
    return {
        metric: {
            "mean": round(statistics.fmean(run[metric] for run in runs), 5),
            "sd": round(statistics.stdev([run[metric] for run in runs]), 5) if len(runs) > 1 else None,
        }
        for metric in runs[0]
    }


def as_table(rows: Mapping[str, Summary]) -> str:
    """For people: a line per method, a column per metric."""
    metrics = list(next(iter(rows.values())))
    width = max(len(name) for name in rows)
    lines = [f"{'':{width}}  " + "".join(f"{metric:>18}" for metric in metrics)]
    for name, found in rows.items():
        cells = [
            f"{found[m]['mean']:.4f}" + ("" if found[m]["sd"] is None else f" ± {found[m]['sd']:.4f}") for m in metrics
        ]
        lines.append(f"{name:{width}}  " + "".join(f"{cell:>18}" for cell in cells))
    return "\n".join(lines)
