"""Guards against what the verdict's tests miss: collapse, slow loss, slice regressions, implausible rises.

Each guard passes, warns, or holds the release for a person. No guard releases a model.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from freshet.evaluation.baseline_ratio import ReleaseMetrics, baseline_ratio
from freshet.evaluation.collapse import diversity_loss_reason, encoder_collapse_reason, personalisation_collapse_reason
from freshet.evaluation.comparison import ANCHOR, BASELINE_SCORERS, CHALLENGER, CHAMPION, Comparison, Evaluation
from freshet.evaluation.guard_params import GuardParams
from freshet.evaluation.implausible_rise import implausible_rise
from freshet.evaluation.paired_differences import paired_difference
from freshet.evaluation.params import EvaluationParams
from freshet.evaluation.slices import slice_regressions
from freshet.evaluation.verdict import Verdict
from freshet.evaluation.verdict_holds import add_holds

GUARDS: Final = ("encoder", "sameness", "narrowing", "slices", "anchor", "ratio", "rise", "echo")


@dataclass(frozen=True)
class GuardResult:
    """The result of one guard."""

    guard: str
    message: str = ""  # "" if it passes
    is_hold: bool = True  # False: a warning


SILENT_GUARDS: Final = tuple(GuardResult(guard) for guard in GUARDS)  # for an evaluation with too few baskets


@dataclass(frozen=True)
class GuardInputs:
    """Everything that the guards read."""

    comparison: Comparison
    past_releases: Sequence[ReleaseMetrics]  # oldest first
    evaluation_params: EvaluationParams
    guard_params: GuardParams
    same_configuration: bool  # whether challenger and champion have the same training parameters
    anchor_release: int = 1  # number of the release that the anchor is


def run_guards(inputs: GuardInputs) -> tuple[GuardResult, ...]:
    """Return the result of each guard, in the order of GUARDS."""
    guards_by_name: dict[str, Callable[[GuardInputs], GuardResult]] = {
        "encoder": _encoder_guard,
        "sameness": _sameness_guard,
        "narrowing": _narrowing_guard,
        "slices": _slices_guard,
        "anchor": _anchor_guard,
        "ratio": _ratio_guard,
        "rise": _rise_guard,
        "echo": _echo_guard,
    }
    return tuple(guards_by_name[guard](inputs) for guard in GUARDS)


def apply_guards(
    verdict: Verdict, results: Sequence[GuardResult], holds: Sequence[str] = (), warnings: Sequence[str] = ()
) -> Verdict:
    """Return the verdict with further holds and warnings: the given ones first, then those of the guards."""
    guard_holds = [result.message for result in results if result.message and result.is_hold]
    guard_warnings = [result.message for result in results if result.message and not result.is_hold]
    return add_holds(verdict, [*holds, *guard_holds], [*warnings, *guard_warnings])


def _encoder_guard(inputs: GuardInputs) -> GuardResult:
    k, confidence = inputs.evaluation_params.ndcg_k, inputs.evaluation_params.confidence
    message, is_hold = encoder_collapse_reason(
        inputs.comparison, k, confidence, same_configuration=inputs.same_configuration
    )
    return GuardResult("encoder", message, is_hold=is_hold)


def _sameness_guard(inputs: GuardInputs) -> GuardResult:
    return GuardResult(
        "sameness",
        personalisation_collapse_reason(inputs.comparison.evaluation, inputs.guard_params.min_personalisation),
    )


def _narrowing_guard(inputs: GuardInputs) -> GuardResult:
    return GuardResult(
        "narrowing", diversity_loss_reason(inputs.comparison.evaluation, inputs.guard_params), is_hold=False
    )


def _slices_guard(inputs: GuardInputs) -> GuardResult:
    regressions = slice_regressions(
        inputs.comparison, inputs.evaluation_params.ndcg_k, inputs.evaluation_params.confidence, inputs.guard_params
    )
    summary = "; ".join(regression.summary for regression in regressions)
    message = f"it is worse than the champion in a slice: {summary}" if regressions else ""
    return GuardResult("slices", message, is_hold=any(regression.exceeds_margin for regression in regressions))


def _anchor_guard(inputs: GuardInputs) -> GuardResult:
    comparison, k = inputs.comparison, inputs.evaluation_params.ndcg_k
    if ANCHOR not in comparison.scores:
        return GuardResult("anchor")
    challenger_ndcg, anchor_ndcg = (comparison.scores[name].ndcg(k) for name in (CHALLENGER, ANCHOR))
    difference = paired_difference(challenger_ndcg - anchor_ndcg, comparison.shopper_index)
    if difference.upper_bound(inputs.evaluation_params.confidence) >= 0:
        return GuardResult("anchor")
    figures = f"NDCG@{k} {challenger_ndcg.mean():.4f} against {anchor_ndcg.mean():.4f}"
    return GuardResult(
        "anchor", f"the anchor, release {inputs.anchor_release}, is significantly better than it ({figures})"
    )


def _ratio_guard(inputs: GuardInputs) -> GuardResult:
    current_ndcg = _ndcg_by_scorer(inputs.comparison.evaluation, inputs.evaluation_params.ndcg_k)
    result = baseline_ratio(
        current_ndcg, inputs.past_releases, CHALLENGER, BASELINE_SCORERS, inputs.guard_params.min_baseline_ratio
    )
    return GuardResult("ratio", result.sentence if result is not None and result.is_below_min else "", is_hold=False)


def _rise_guard(inputs: GuardInputs) -> GuardResult:
    comparison, k = inputs.comparison, inputs.evaluation_params.ndcg_k
    lower_bounds = {
        name: paired_difference(scores.ndcg(k), comparison.shopper_index).lower_bound(
            inputs.evaluation_params.confidence
        )
        for name, scores in comparison.scores.items()
    }
    current_ndcg, models = _ndcg_by_scorer(comparison.evaluation, k), (CHALLENGER, CHAMPION)
    message, is_hold = implausible_rise(
        current_ndcg,
        lower_bounds,
        inputs.past_releases,
        models,
        BASELINE_SCORERS,
        inputs.guard_params.max_ndcg_rise,
        has_more_repeats=_has_more_echoes(inputs) or _has_more_repeats(inputs),
    )
    return GuardResult("rise", message, is_hold=is_hold)


def _has_more_echoes(inputs: GuardInputs) -> bool:
    evaluation = inputs.comparison.evaluation
    return evaluation.echo_share - evaluation.reference_echo_share > inputs.guard_params.max_echo_rise


def _has_more_repeats(inputs: GuardInputs) -> bool:
    """Whether more baskets repeat the item before, after any time: late duplicates, or pages that reload themselves."""
    evaluation = inputs.comparison.evaluation
    return evaluation.repeat_share - evaluation.reference_repeat_share > inputs.guard_params.max_echo_rise


def _echo_guard(inputs: GuardInputs) -> GuardResult:
    evaluation = inputs.comparison.evaluation
    if not _has_more_echoes(inputs):
        return GuardResult("echo")
    return GuardResult(
        "echo",
        f"{evaluation.echo_share:.0%} of the baskets repeat the item of seconds before, "
        f"{evaluation.reference_echo_share:.0%} on earlier days: check for events that are written twice",
    )


def _ndcg_by_scorer(evaluation: Evaluation, k: int) -> dict[str, float]:
    return {name: row[f"ndcg@{k}"] for name, row in evaluation.table.items() if f"ndcg@{k}" in row}
