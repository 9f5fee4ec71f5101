"""What a verdict's tests cannot see: collapse, slow loss, falls in a part of the shop, figures too good to be true.

Each guard says nothing, warns, or holds the release for a person. None of them releases anything.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from freshet.evaluation.baseline_ratio import ReleaseMetrics, baseline_ratio
from freshet.evaluation.collapse import diversity_loss_reason, encoder_collapse_reason, personalisation_collapse_reason
from freshet.evaluation.comparison import ANCHOR, BASELINES, CHALLENGER, CHAMPION, Comparison, Evaluation
from freshet.evaluation.guard_params import GuardParams
from freshet.evaluation.metrics import ndcg
from freshet.evaluation.paired_differences import paired_difference
from freshet.evaluation.params import EvaluationParams
from freshet.evaluation.slices import slice_regressions
from freshet.evaluation.suspicious_gains import suspicious_rise
from freshet.evaluation.verdict import Verdict
from freshet.evaluation.verdict_holds import add_holds

GUARDS: Final = ("encoder", "sameness", "narrowing", "slices", "anchor", "ratio", "rise", "echo")


@dataclass(frozen=True)
class GuardResult:
    """What one guard says: "" where all is well."""

    guard: str
    message: str = ""
    is_hold: bool = True  # False: a warning


SILENT_GUARDS: Final = tuple(GuardResult(guard) for guard in GUARDS)  # where there were too few baskets to say anything


@dataclass(frozen=True)
class GuardInputs:
    """What the guards look at. past: the releases before, oldest first."""

    comparison: Comparison
    past_releases: Sequence[ReleaseMetrics]
    judge_params: EvaluationParams
    guard_params: GuardParams
    same_configuration: bool  # of the champion's configuration
    anchor_release: int = 1  # the release that it is


def run_guards(inputs: GuardInputs) -> tuple[GuardResult, ...]:
    """One of each guard, in the order of GUARDS."""
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
    """The verdict with what the guards say, behind what holds it and warns of it besides."""
    triggered = [sign for sign in results if sign.message]
    holds, warnings = (
        [*holds, *(s.message for s in triggered if s.is_hold)],
        [*warnings, *(s.message for s in triggered if not s.is_hold)],
    )
    return add_holds(verdict, holds, warnings)


def _encoder_guard(inputs: GuardInputs) -> GuardResult:
    k, confidence = inputs.judge_params.ndcg_k, inputs.judge_params.confidence
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
        inputs.comparison, inputs.judge_params.ndcg_k, inputs.judge_params.confidence, inputs.guard_params
    )
    summary = "; ".join(fall.summary for fall in regressions)
    message = f"it serves a part of the shop worse than the champion: {summary}" if regressions else ""
    return GuardResult("slices", message, is_hold=any(fall.exceeds_margin for fall in regressions))


def _anchor_guard(inputs: GuardInputs) -> GuardResult:
    comparison, k = inputs.comparison, inputs.judge_params.ndcg_k
    if ANCHOR not in comparison.scores:
        return GuardResult("anchor")
    challenger_ndcg, anchor_ndcg = (
        ndcg(scores.hits, scores.n_targets, k) for scores in (comparison.scores[CHALLENGER], comparison.scores[ANCHOR])
    )
    if (
        paired_difference(challenger_ndcg - anchor_ndcg, comparison.shopper_index).upper_bound(
            inputs.judge_params.confidence
        )
        >= 0
    ):
        return GuardResult("anchor")
    figures = f"NDCG@{k} {challenger_ndcg.mean():.4f} against {anchor_ndcg.mean():.4f}"
    return GuardResult("anchor", f"the frozen release {inputs.anchor_release} is surely better than it ({figures})")


def _ratio_guard(inputs: GuardInputs) -> GuardResult:
    current_ndcg = _ndcg_by_scorer(inputs.comparison.evaluation, inputs.judge_params.ndcg_k)
    result = baseline_ratio(
        current_ndcg, inputs.past_releases, CHALLENGER, BASELINES, inputs.guard_params.min_baseline_ratio
    )
    return GuardResult("ratio", result.sentence if result is not None and result.is_below_min else "", is_hold=False)


def _rise_guard(inputs: GuardInputs) -> GuardResult:
    comparison, k = inputs.comparison, inputs.judge_params.ndcg_k
    lower_bounds = {
        name: paired_difference(ndcg(scores.hits, scores.n_targets, k), comparison.shopper_index).lower_bound(
            inputs.judge_params.confidence
        )
        for name, scores in comparison.scores.items()
    }
    current_ndcg, models = _ndcg_by_scorer(comparison.evaluation, k), (CHALLENGER, CHAMPION)
    message, is_hold = suspicious_rise(
        current_ndcg,
        lower_bounds,
        inputs.past_releases,
        models,
        BASELINES,
        inputs.guard_params.max_ndcg_rise,
        has_more_repeats=_has_more_echoes(inputs) or _has_more_repeats(inputs),
    )
    return GuardResult("rise", message, is_hold=is_hold)


def _has_more_echoes(inputs: GuardInputs) -> bool:
    evaluation = inputs.comparison.evaluation
    return evaluation.echo_share - evaluation.reference_echo_share > inputs.guard_params.max_echo_rise


def _has_more_repeats(inputs: GuardInputs) -> bool:
    """A copy that comes later than an echo, or a page that reloads itself: the same item again, after any time."""
    evaluation = inputs.comparison.evaluation
    return evaluation.repeat_share - evaluation.reference_repeat_share > inputs.guard_params.max_echo_rise


def _echo_guard(inputs: GuardInputs) -> GuardResult:
    evaluation = inputs.comparison.evaluation
    if not _has_more_echoes(inputs):
        return GuardResult("echo")
    return GuardResult(
        "echo",
        f"{evaluation.echo_share:.0%} of the baskets ask again for the item of seconds before, on the days before only "
        f"{evaluation.reference_echo_share:.0%}: look for events that are written twice",
    )


def _ndcg_by_scorer(evaluation: Evaluation, k: int) -> dict[str, float]:
    return {name: row[f"ndcg@{k}"] for name, row in evaluation.table.items() if f"ndcg@{k}" in row}
