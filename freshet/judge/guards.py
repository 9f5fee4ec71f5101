"""What a verdict's tests cannot see: collapse, slow loss, falls in a part of the shop, figures too good to be true.

Each guard says nothing, warns, or holds the release for a person. None of them releases anything.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from freshet.judge.collapse import idle_encoder, narrower, same_for_everybody
from freshet.judge.comparison import ANCHOR, BASELINES, CHALLENGER, CHAMPION, Comparison, Evaluation
from freshet.judge.guard_params import GuardParams
from freshet.judge.holds import hold
from freshet.judge.metrics import ndcg
from freshet.judge.paired import paired
from freshet.judge.params import JudgeParams
from freshet.judge.rises import suspicious_rise
from freshet.judge.slices import falls
from freshet.judge.verdict import Verdict
from freshet.judge.yardstick import Standing, ratio

GUARDS: Final = ("encoder", "sameness", "narrowing", "slices", "anchor", "ratio", "rise", "echo")


@dataclass(frozen=True)
class Sign:
    """What one guard says: "" where all is well."""

    guard: str
    said: str = ""
    holds: bool = True  # False: a warning


QUIET: Final = tuple(Sign(guard) for guard in GUARDS)  # where there were too few baskets to say anything


@dataclass(frozen=True)
class Judgeable:
    """What the guards look at. past: the releases before, oldest first."""

    comparison: Comparison
    past: Sequence[Standing]
    judging: JudgeParams
    limits: GuardParams
    fresher: bool  # of the champion's configuration
    anchor: int = 1  # the release that it is


def signs(what: Judgeable) -> tuple[Sign, ...]:
    """One of each guard, in the order of GUARDS."""
    looks: dict[str, Callable[[Judgeable], Sign]] = {
        "encoder": _encoder,
        "sameness": _sameness,
        "narrowing": _narrowing,
        "slices": _slices,
        "anchor": _anchor,
        "ratio": _ratio,
        "rise": _rise,
        "echo": _echo,
    }
    return tuple(looks[guard](what) for guard in GUARDS)


def guarded(verdict: Verdict, found: Sequence[Sign], held: Sequence[str] = (), warnings: Sequence[str] = ()) -> Verdict:
    """The verdict with what the guards say, behind what holds it and warns of it besides."""
    said = [sign for sign in found if sign.said]
    held, warnings = [*held, *(s.said for s in said if s.holds)], [*warnings, *(s.said for s in said if not s.holds)]
    return hold(verdict, held, warnings)


def _encoder(what: Judgeable) -> Sign:
    k, confidence = what.judging.ndcg_k, what.judging.confidence
    said, holds = idle_encoder(what.comparison, k, confidence, fresher=what.fresher)
    return Sign("encoder", said, holds=holds)


def _sameness(what: Judgeable) -> Sign:
    return Sign("sameness", same_for_everybody(what.comparison.evaluation, what.limits.personalisation_floor))


def _narrowing(what: Judgeable) -> Sign:
    return Sign("narrowing", narrower(what.comparison.evaluation, what.limits), holds=False)


def _slices(what: Judgeable) -> Sign:
    fallen = falls(what.comparison, what.judging.ndcg_k, what.judging.confidence, what.limits)
    words = "; ".join(fall.words for fall in fallen)
    said = f"it serves a part of the shop worse than the champion: {words}" if fallen else ""
    return Sign("slices", said, holds=any(fall.far for fall in fallen))


def _anchor(what: Judgeable) -> Sign:
    comparison, k = what.comparison, what.judging.ndcg_k
    if ANCHOR not in comparison.scores:
        return Sign("anchor")
    mine, theirs = (
        ndcg(scores.hits, scores.sizes, k) for scores in (comparison.scores[CHALLENGER], comparison.scores[ANCHOR])
    )
    if paired(mine - theirs, comparison.owners).upper(what.judging.confidence) >= 0:
        return Sign("anchor")
    figures = f"NDCG@{k} {mine.mean():.4f} against {theirs.mean():.4f}"
    return Sign("anchor", f"the frozen release {what.anchor} is surely better than it ({figures})")


def _ratio(what: Judgeable) -> Sign:
    now = _ndcg(what.comparison.evaluation, what.judging.ndcg_k)
    result = ratio(now, what.past, CHALLENGER, BASELINES, what.limits.ratio_floor)
    return Sign("ratio", result.sentence if result is not None and result.behind else "", holds=False)


def _rise(what: Judgeable) -> Sign:
    comparison, k = what.comparison, what.judging.ndcg_k
    surely = {
        name: paired(ndcg(scores.hits, scores.sizes, k), comparison.owners).lower(what.judging.confidence)
        for name, scores in comparison.scores.items()
    }
    now, models = _ndcg(comparison.evaluation, k), (CHALLENGER, CHAMPION)
    said, holds = suspicious_rise(
        now, surely, what.past, models, BASELINES, what.limits.rise_limit, repeating=_echoing(what) or _repeating(what)
    )
    return Sign("rise", said, holds=holds)


def _echoing(what: Judgeable) -> bool:
    evaluation = what.comparison.evaluation
    return evaluation.echoes - evaluation.echoes_before > what.limits.echo_limit


def _repeating(what: Judgeable) -> bool:
    """A copy that comes later than an echo, or a page that reloads itself: the same item again, after any time."""
    evaluation = what.comparison.evaluation
    return evaluation.repeats - evaluation.repeats_before > what.limits.echo_limit


def _echo(what: Judgeable) -> Sign:
    evaluation = what.comparison.evaluation
    if not _echoing(what):
        return Sign("echo")
    return Sign(
        "echo",
        f"{evaluation.echoes:.0%} of the baskets ask again for the item of seconds before, on the days before only "
        f"{evaluation.echoes_before:.0%}: look for events that are written twice",
    )


def _ndcg(evaluation: Evaluation, k: int) -> dict[str, float]:
    return {name: row[f"ndcg@{k}"] for name, row in evaluation.table.items() if f"ndcg@{k}" in row}
