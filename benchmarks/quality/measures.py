"""What lists are worth, and the mean and deviation over seeds: computed here alike for everybody."""

import statistics
from collections.abc import Mapping, Sequence

import numpy as np

from freshet.data.eval_cases import EvalCases
from freshet.data.history import Ints
from freshet.evaluation.evaluate import CaseScores, target_hits

LIST_LENGTH = 20  # places of a list that any metric looks at
METRIC_NAMES = {"hr": "hit_rate"}  # the field's short name → the judge's

Metrics = dict[str, float]
Summary = dict[str, dict[str, float | None]]


def list_metrics(lists: Ints, cases: EvalCases, metrics: Sequence[str]) -> Metrics:
    """Metric, as `ndcg@10`, → its mean over the cases. lists: (C, DEEPEST) items, best first, 0 = empty place."""
    scores = CaseScores(lists, target_hits(lists, cases), np.diff(cases.target_offsets))
    metric_values = {}
    for metric in metrics:
        name, _, k = metric.partition("@")
        metric_values[metric] = float(scores.per_case(int(k))[f"{METRIC_NAMES.get(name, name)}@{k}"].mean())
    return metric_values


def summarize_runs(runs: Sequence[Metrics]) -> Summary:
    """Mean and sample deviation over the runs; one run has no deviation."""
    return {
        metric: {
            "mean": round(statistics.fmean(run[metric] for run in runs), 5),
            "sd": round(statistics.stdev([run[metric] for run in runs]), 5) if len(runs) > 1 else None,
        }
        for metric in runs[0]
    }


def format_table(rows: Mapping[str, Summary]) -> str:
    """For people: a line per method, a column per metric."""
    metrics = list(next(iter(rows.values())))
    width = max(len(name) for name in rows)
    lines = [f"{'':{width}}  " + "".join(f"{metric:>18}" for metric in metrics)]
    for name, summary in rows.items():
        cells = [
            f"{summary[m]['mean']:.4f}" + ("" if summary[m]["sd"] is None else f" ± {summary[m]['sd']:.4f}")
            for m in metrics
        ]
        lines.append(f"{name:{width}}  " + "".join(f"{cell:>18}" for cell in cells))
    return "\n".join(lines)
