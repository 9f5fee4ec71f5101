"""Holds: a verdict that passed its tests and still waits for a person."""

from collections.abc import Sequence

from freshet.judge.verdict import Verdict


def hold(verdict: Verdict, held: Sequence[str], warnings: Sequence[str] = ()) -> Verdict:
    """The verdict with what holds it, and what only warns. A held verdict releases nothing.

    held, warnings: half-sentences, as a verdict's reasons are. Where the statistics refused the challenger anyway, they
    stay the reason and what would have held it is said behind them.
    """
    said = [verdict.sentence]
    if held and verdict.released:
        said = [f"Held for a person: {'; '.join(held)}. Otherwise: {verdict.sentence}"]
    elif held:
        said.append(f"It would also wait for a person: {'; '.join(held)}.")
    said += [f"Warning: {warning}." for warning in warnings]
    return verdict.model_copy(
        update={
            "released": verdict.released and not held,
            "sentence": " ".join(said),
            "held": (*verdict.held, *held),
            "warnings": (*verdict.warnings, *warnings),
        }
    )
