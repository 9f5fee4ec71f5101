"""One profile row against its suite, and what is said when it is refused."""

import pytest

from freshet.artifacts import ReleaseRef
from freshet.settings import Settings
from freshet.steps.step_result import StepResult, run_gate
from tests.gate_cases import refusal_reason

LEARNED_PROFILE = {"not_finite": 0, "loss": 4.5, "chance_loss": 5.0, "below_chance": 0.5, "forgetting": None}


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
    diverged = {**LEARNED_PROFILE, "not_finite": 7, "loss": float("nan"), "below_chance": float("-inf")}
    outcome = StepResult(run_gate("trained_model", diverged, settings), "weights", None)
    assert outcome.message().splitlines() == [
        f"trained_model: {refusal_reason('trained_model', 'weights_are_finite', **diverged)}",
        f"trained_model: {refusal_reason('trained_model', 'loss_beats_chance', **diverged)}",
    ]


def test_a_warning_is_not_said_as_a_refusal(settings):
    rejected = {"released": 0, "sentence": "Not released: it is worse."}
    rejected |= {"waiting": 0, "waiting_message": "", "on_hold": 0, "on_hold_message": ""}
    judgement = run_gate("release", rejected, settings)
    assert [finding.passed for finding in judgement.results] == [False, True, True]
    assert StepResult(judgement, None, None).message() == ""


def test_a_bundle_that_could_not_be_measured_fails_for_being_corrupt_only(settings):
    empty_profile = dict.fromkeys(
        ("fp32_overlap", "low_precision_overlap", "ndcg_loss", "p99_ms", "batch_agreement", "item_encoder_error")
    )
    corrupt = {"corrupt": 1, "corrupt_reason": "item_embeddings.npy: changed"}
    report = run_gate("bundle", {**empty_profile, **corrupt}, settings)
    assert report.refusal_reasons() == {"bundle": [refusal_reason("bundle", "bundle_answers_as_sealed", **corrupt)]}


def test_a_name_without_a_suite_is_not_judged_but_refused(settings):
    with pytest.raises(KeyError, match="weather"):
        run_gate("weather", {"rows": 1}, settings)
