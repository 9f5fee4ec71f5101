"""Add holds and warnings to a verdict: a held challenger waits for a person although it passed its tests."""

from collections.abc import Sequence

from freshet.evaluation.verdict import Verdict


def add_holds(verdict: Verdict, holds: Sequence[str], warnings: Sequence[str] = ()) -> Verdict:
    """Return the verdict with further holds and warnings; a held verdict does not release.

    holds, warnings: clauses, like a verdict's reasons. If the tests failed, they stay the main reason and the holds
    are named after them.
    """
    sentences = [verdict.sentence]
    if holds and verdict.released:
        sentences = [f"Held for a person: {'; '.join(holds)}. Otherwise: {verdict.sentence}"]
    elif holds:
        sentences.append(f"It would also be held for a person: {'; '.join(holds)}.")
    sentences += [f"Warning: {warning}." for warning in warnings]
    return verdict.model_copy(
        update={
            "released": verdict.released and not holds,
            "sentence": " ".join(sentences),
            "holds": (*verdict.holds, *holds),
            "warnings": (*verdict.warnings, *warnings),
        }
    )
