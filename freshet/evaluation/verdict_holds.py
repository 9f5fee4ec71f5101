"""Holds: a verdict that passed its tests and still waits for a person."""

from collections.abc import Sequence

from freshet.evaluation.verdict import Verdict


def add_holds(verdict: Verdict, holds: Sequence[str], warnings: Sequence[str] = ()) -> Verdict:
    """The verdict with what holds it, and what only warns. A held verdict releases nothing.

    held, warnings: half-sentences, as a verdict's reasons are. Where the statistics refused the challenger anyway, they
    stay the reason and what would have held it is said behind them.
    """
    sentences = [verdict.sentence]
    if holds and verdict.released:
        sentences = [f"Held for a person: {'; '.join(holds)}. Otherwise: {verdict.sentence}"]
    elif holds:
        sentences.append(f"It would also wait for a person: {'; '.join(holds)}.")
    sentences += [f"Warning: {warning}." for warning in warnings]
    return verdict.model_copy(
        update={
            "released": verdict.released and not holds,
            "sentence": " ".join(sentences),
            "holds": (*verdict.holds, *holds),
            "warnings": (*verdict.warnings, *warnings),
        }
    )
