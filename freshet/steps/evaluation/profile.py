"""Profile of the evaluation gate: recounted cases and metrics, leaked events, short lists, guard results."""

from collections.abc import Mapping, Sequence

import numpy as np

from freshet.data.day_numbers import day_from_number
from freshet.data.eval_cases import next_basket_cases
from freshet.data.training_set import TrainingSet
from freshet.evaluation.comparison import Comparison, sample_cases
from freshet.evaluation.guards import GuardResult
from freshet.evaluation.params import EvaluationParams
from freshet.settings import Settings
from freshet.steps.evaluation.recount import recount_cases
from freshet.steps.evaluation.recount_check import find_case_mismatches, find_metric_mismatches


def evaluation_profile(
    settings: Settings,
    comparison: Comparison,
    data: TrainingSet,
    params: EvaluationParams,
    guard_results: Sequence[GuardResult],
    events_snapshot: int | None,
) -> Mapping[str, object]:
    """Return the profile, one row. Reads the events of all days once, as of `events_snapshot`: see `recount`."""
    evaluation = comparison.evaluation
    case_recount = recount_cases(settings, evaluation.train_until, data.as_of, events_snapshot)
    all_cases = next_basket_cases(data.histories, evaluation.train_until, data.as_of)
    sampled_cases = sample_cases(data, evaluation.train_until, params.max_cases)
    metric_mismatches = find_metric_mismatches(case_recount, sampled_cases, comparison, data, params.ndcg_k)
    n_shoppers = len(np.unique(comparison.shopper_index))
    return {
        "cases": len(all_cases),
        "shoppers": n_shoppers,
        "train_until": str(day_from_number(evaluation.train_until)),
        "min_cases": params.min_cases,
        "min_shoppers": params.min_shoppers,
        "missing_cases": max(0, params.min_cases - len(all_cases), params.min_shoppers - n_shoppers),
        **_mismatches("cases", find_case_mismatches(case_recount, all_cases, data)),
        "recounted_cases": len(case_recount.baskets),
        "leaked_events": case_recount.n_leaked,
        "evaluated_events": case_recount.n_held_out_events,
        "leaked_share": case_recount.n_leaked / max(1, case_recount.n_held_out_events),
        **_mismatches("metrics", metric_mismatches),
        **_short_lists(comparison, data),
        **{f"{result.guard}_failed": int(bool(result.message)) for result in guard_results},
        **{f"{result.guard}_message": result.message for result in guard_results},
    }


def _mismatches(name: str, mismatches: Sequence[str]) -> Mapping[str, object]:
    """Return the number of mismatches and the first three."""
    return {f"mismatched_{name}": len(mismatches), f"mismatched_{name}_examples": "; ".join(mismatches[:3])}


def _short_lists(comparison: Comparison, data: TrainingSet) -> Mapping[str, object]:
    """Count lists with fewer items than are available: a scorer with such lists is not comparable."""
    n_available = len(data.vocabulary) - int(data.vocabulary.delisted.sum())
    k = min(comparison.evaluation.ks[0], n_available)
    counts = {name: int(((scores.lists > 0).sum(axis=1) < k).sum()) for name, scores in comparison.scores.items()}
    details = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
    return {"short_lists": sum(counts.values()), "short_lists_details": details, "k": k}
