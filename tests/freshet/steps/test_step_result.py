"""One profile row against its suite, and the message of a refusal."""

import pytest

from freshet.artifacts import ReleaseRef
from freshet.settings import Settings
from freshet.steps.step_result import StepResult, run_gate
from tests.gate_cases import refusal_reason

LEARNED_PROFILE = {"not_finite": 0, "loss": 4.5, "chance_loss": 5.0, "below_chance": 0.5, "forgetting": None}


@pytest.fixture
def settings() -> Settings:
    return Settings(_env_file=None, lake="lake")


def test_a_passed_gate_has_no_message(settings):
    result = StepResult(run_gate("trained_model", LEARNED_PROFILE, settings), "weights", ReleaseRef(id="1", bundle="b"))
    assert result.gate.subject == "trained_model"
    assert result.message() == ""


def test_every_refusal_is_a_line(settings):
    diverged = {**LEARNED_PROFILE, "not_finite": 7, "loss": float("nan"), "below_chance": float("-inf")}
    result = StepResult(run_gate("trained_model", diverged, settings), "weights", None)
    assert result.message().splitlines() == [
        f"trained_model: {refusal_reason('trained_model', 'weights_are_finite', **diverged)}",
        f"trained_model: {refusal_reason('trained_model', 'loss_beats_chance', **diverged)}",
    ]


def test_a_warning_is_not_part_of_the_message(settings):
    rejected = {"released": 0, "sentence": "Not released: it is worse."}
    rejected |= {"waiting": 0, "waiting_message": "", "on_hold": 0, "on_hold_message": ""}
    gate = run_gate("release", rejected, settings)
    assert [rule_result.passed for rule_result in gate.results] == [False, True, True]
    assert StepResult(gate, None, None).message() == ""


def test_a_bundle_without_measurements_fails_as_corrupt_only(settings):
    empty_profile = dict.fromkeys(
        ("fp32_overlap", "low_precision_overlap", "ndcg_loss", "p99_ms", "batch_agreement", "item_encoder_error")
    )
    corrupt = {"corrupt": 1, "corrupt_reason": "item_embeddings.npy: changed"}
    gate = run_gate("bundle", {**empty_profile, **corrupt}, settings)
    assert gate.refusal_reasons() == {"bundle": [refusal_reason("bundle", "bundle_answers_as_sealed", **corrupt)]}


def test_a_name_without_a_suite_is_an_error(settings):
    with pytest.raises(KeyError, match="weather"):
        run_gate("weather", {"rows": 1}, settings)
