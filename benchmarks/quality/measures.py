"""Metrics of lists, and their mean and deviation over seeds; the same code for Freshet, baselines and peers."""

import statistics
from collections.abc import Mapping, Sequence

import numpy as np

from freshet.data.eval_cases import EvalCases
from freshet.data.history import Ints
from freshet.evaluation.evaluate import CaseScores, target_hits

LIST_LENGTH = 20  # the largest k of any metric
METRIC_NAMES = {"hr": "hit_rate"}  # short name → name in freshet.evaluation

Metrics = dict[str, float]
Summary = dict[str, dict[str, float | None]]


def list_metrics(lists: Ints, cases: EvalCases, metrics: Sequence[str]) -> Metrics:
    """Metric, as `ndcg@10`, → its mean over the cases. lists: (C, LIST_LENGTH) items, best first, 0 = empty."""
    scores = CaseScores(lists, target_hits(lists, cases), np.diff(cases.target_offsets))
    metric_values = {}
    for metric in metrics:
        name, _, k = metric.partition("@")
        metric_values[metric] = float(scores.per_case(int(k))[f"{METRIC_NAMES.get(name, name)}@{k}"].mean())
    return metric_values


def summarize_runs(runs: Sequence[Metrics]) -> Summary:
    """Mean and sample standard deviation of every metric over the runs; one run has no deviation."""
    return {
        metric: {
            "mean": round(statistics.fmean(run[metric] for run in runs), 5),
            "sd": round(statistics.stdev([run[metric] for run in runs]), 5) if len(runs) > 1 else None,
        }
        for metric in runs[0]
    }


def format_table(rows: Mapping[str, Summary]) -> str:
    """A table for people: a line per method, a column per metric."""
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
