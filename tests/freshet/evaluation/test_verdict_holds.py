"""Holds and warnings of a verdict, and verdicts with former field names."""

from freshet.evaluation.verdict import MarginTest, Verdict
from freshet.evaluation.verdict_holds import add_holds

PASSED_MARGIN = MarginTest(
    reference="champion",
    challenger_ndcg=0.31,
    reference_ndcg=0.3,
    difference=0.01,
    lower_bound=0.001,
    threshold=-0.006,
    passed=True,
)


def verdict(has_passed: bool = True) -> Verdict:
    margin = PASSED_MARGIN.model_copy(update={"passed": has_passed})
    head = "Released" if has_passed else "Not released"
    return Verdict(
        released=has_passed,
        rule="fresher",
        sentence=f"{head}: as good.",
        reasons=("as good",),
        margin_tests=(margin,),
        n_cases=9,
    )


def test_a_held_verdict_does_not_release_and_keeps_its_statistics():
    held_verdict = add_holds(verdict(), ["it is too good to be true"])
    assert (held_verdict.released, held_verdict.passed, held_verdict.holds) == (
        False,
        True,
        ("it is too good to be true",),
    )
    assert held_verdict.sentence == "Held for a person: it is too good to be true. Otherwise: Released: as good."


def test_a_refused_challenger_stays_refused_for_its_own_reason():
    held_verdict = add_holds(verdict(has_passed=False), ["it is too good to be true"])
    assert (held_verdict.released, held_verdict.passed) == (False, False)
    assert (
        held_verdict.sentence == "Not released: as good. It would also be held for a person: it is too good to be true."
    )


def test_a_warning_is_in_the_verdict_and_does_not_hold_it():
    warned = add_holds(verdict(), [], ["coverage fell by half"])
    assert (warned.released, warned.warnings) == (True, ("coverage fell by half",))
    assert warned.sentence == "Released: as good. Warning: coverage fell by half."


def test_without_triggered_guards_the_verdict_is_unchanged():
    assert add_holds(verdict(), []) == verdict()


FORMER_VERDICT = """{
  "released": true, "rule": "fresher", "sentence": "Released: as good.", "reasons": ["as good"], "margins": [
    {"against": "champion", "challenger": 0.31, "other": 0.3, "difference": 0.01, "lower": 0.001, "needed": -0.006,
     "passed": true, "claim": "better", "more_cases": null}
  ], "cases": 9, "shoppers": 0, "held": [], "warnings": []
}"""


def test_a_verdict_with_the_former_field_names_is_read():
    assert Verdict.model_validate_json(FORMER_VERDICT) == verdict()


def test_a_verdict_of_an_older_evaluation_has_no_holds():
    old = verdict().model_dump_json(exclude={"holds", "warnings"})
    assert Verdict.model_validate_json(old) == verdict()
