from freshet.judge.holds import hold
from freshet.judge.verdict import Margin, Verdict

PASSED = Margin(
    against="champion", challenger=0.31, other=0.3, difference=0.01, lower=0.001, needed=-0.006, passed=True
)


def verdict(passed: bool = True) -> Verdict:
    margin = PASSED.model_copy(update={"passed": passed})
    head = "Released" if passed else "Not released"
    return Verdict(
        released=passed, rule="fresher", sentence=f"{head}: as good.", reasons=("as good",), margins=(margin,), cases=9
    )


def test_a_held_verdict_releases_nothing_and_its_statistics_stay_readable():
    held = hold(verdict(), ["it is too good to be true"])
    assert (held.released, held.passed, held.held) == (False, True, ("it is too good to be true",))
    assert held.sentence == "Held for a person: it is too good to be true. Otherwise: Released: as good."


def test_a_refused_challenger_stays_refused_for_its_own_reason():
    held = hold(verdict(passed=False), ["it is too good to be true"])
    assert (held.released, held.passed) == (False, False)
    assert held.sentence == "Not released: as good. It would also wait for a person: it is too good to be true."


def test_a_warning_is_said_and_stops_nothing():
    warned = hold(verdict(), [], ["coverage fell by half"])
    assert (warned.released, warned.warnings) == (True, ("coverage fell by half",))
    assert warned.sentence == "Released: as good. Warning: coverage fell by half."


def test_without_anything_to_say_the_verdict_is_the_same():
    assert hold(verdict(), []) == verdict()


def test_a_verdict_of_an_older_evaluation_reads_as_held_by_nothing():
    old = verdict().model_dump_json(exclude={"held", "warnings"})
    assert Verdict.model_validate_json(old) == verdict()
