"""One profile row against its suite, and what is said when it is refused."""

import pytest

from freshet.artifacts import ReleaseRef
from freshet.settings import Settings
from freshet.steps.step_result import StepResult, run_gate

LEARNED_PROFILE = {"not_finite": 0, "loss": 4.5, "chance": 5.0, "below_chance": 0.5, "forgotten": None}


@pytest.fixture
def settings() -> Settings:
    return Settings(_env_file=None, lake="lake")


def test_a_row_that_holds_has_nothing_to_say(settings):
    outcome = StepResult(
        run_gate("trained_model", LEARNED_PROFILE, settings), "weights", ReleaseRef(id="1", bundle="b")
    )
    assert outcome.gate.subject == "trained_model"
    assert outcome.message() == ""


def test_every_finding_that_stops_is_a_line(settings):
    diverged = {**LEARNED_PROFILE, "not_finite": 7, "loss": float("nan"), "chance": 5.0, "below_chance": float("-inf")}
    outcome = StepResult(run_gate("trained_model", diverged, settings), "weights", None)
    assert outcome.message().splitlines() == [
        "trained_model: 7 weights are not finite; lower `learning_rate`",
        "trained_model: the training loss ended at nan, and guessing gives 5.000; "
        "raise `max_epochs` or `max_minutes`, or land more days",
    ]


def test_a_warning_is_not_said_as_a_refusal(settings):
    rejected = {"released": 0, "sentence": "Not released: it is worse."}
    rejected |= {"waits": 0, "waits_says": "", "holds": 0, "hold": ""}
    judgement = run_gate("release", rejected, settings)
    assert [finding.passed for finding in judgement.results] == [False, True, True]
    assert StepResult(judgement, None, None).message() == ""


def test_a_bundle_that_could_not_be_measured_fails_for_being_corrupt_only(settings):
    empty_profile = dict.fromkeys(
        ("fp32_overlap", "smaller_overlap", "ndcg_loss", "p99_ms", "together", "item_difference")
    )
    judgement = run_gate(
        "bundle", {**empty_profile, "corrupt": 1, "corrupt_why": "item_vectors.npy: changed"}, settings
    )
    assert judgement.refusal_reasons() == {
        "bundle": [
            "the sealed bundle does not prove itself: item_vectors.npy: changed; materialize `bundle` again",
        ]
    }


def test_a_name_without_a_suite_is_not_judged_but_refused(settings):
    with pytest.raises(KeyError, match="weather"):
        run_gate("weather", {"rows": 1}, settings)
