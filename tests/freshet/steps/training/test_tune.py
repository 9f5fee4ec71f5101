"""The gate of a tuning: only a trial that beats the default becomes a reference."""

from datetime import date
from pathlib import Path

import pytest
from pydantic import SecretStr

from freshet.artifacts import TrainingSetRef
from freshet.errors import FreshetError
from freshet.model.params import TrainParams
from freshet.settings import Settings
from freshet.steps.training.tune import finish_tuning, study_database_url
from freshet.tuning.search import TrialResult, TuningResult
from freshet.tuning.space import TuningParams
from tests.gate_cases import refusal_reason

TRAINING_SET = TrainingSetRef(as_of=date(2024, 3, 3), train_until=date(2024, 3, 2), snapshots={"training_set": 7})
TUNING_PARAMS = TuningParams(min_completed_trials=2)


def tuning_trial(number: int, score: float | None, reason: str = "", **parameters: object) -> TrialResult:
    state = "pruned" if score is None else "complete"
    return TrialResult(number, state, parameters, score, {1: score or 0.0}, 3.0, number == 0, reason)


def tuning_result(*trials: TrialResult) -> TuningResult:
    return TuningResult("search-1", TrainParams(max_epochs=3), trials, {}, 9.0)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, lake=str(tmp_path / "lake"), gateway_state_dir=tmp_path / "state")


def test_the_best_trial_is_published_with_all_parameters_and_both_scores(settings):
    outcome = finish_tuning(
        settings,
        tuning_result(tuning_trial(0, 0.2, hidden_dim=64), tuning_trial(1, 0.3, hidden_dim=128)),
        TRAINING_SET,
        TUNING_PARAMS,
    )
    assert outcome.message() == ""
    assert outcome.ref.parameters == TrainParams(max_epochs=3, hidden_dim=128).model_dump()
    assert outcome.ref.metrics == {"validation_ndcg@10": 0.3, "default_validation_ndcg@10": 0.2}
    assert (outcome.ref.study, outcome.ref.trial, outcome.ref.training_set) == ("search-1", 1, TRAINING_SET)
    rule_names = [finding.rule.name for finding in outcome.gate.results if not finding.passed]
    assert rule_names == []


@pytest.mark.parametrize("score", [0.1, 0.2])
def test_a_trial_that_does_not_beat_the_default_is_not_published(settings, score):
    outcome = finish_tuning(
        settings,
        tuning_result(tuning_trial(0, 0.2, hidden_dim=64), tuning_trial(1, score, hidden_dim=128)),
        TRAINING_SET,
        TUNING_PARAMS,
    )
    assert outcome.ref is None
    assert outcome.message() == ""  # a warning only
    (warning,) = [finding for finding in outcome.gate.results if not finding.passed]
    assert warning.violations[0].message == (
        "No trial beat the default configuration, NDCG@10 0.2000 (2 of 2 trials completed)."
    )


def test_too_few_complete_trials_are_not_published(settings):
    outcome = finish_tuning(
        settings,
        tuning_result(tuning_trial(0, 0.2), tuning_trial(1, 0.3), tuning_trial(2, None)),
        TRAINING_SET,
        TuningParams(),
    )
    assert outcome.ref is None
    assert not outcome.gate.has_errors  # more trials can fix it
    assert outcome.message() == (
        "tuning: " + refusal_reason("tuning", "enough_trials_are_complete", completed=2, trials=3, min_trials=5)
    )


def test_a_failed_default_trial_is_not_published(settings):
    diverged = tuning_trial(0, None, "training, epoch 1: the loss is nan with a learning rate of 0.003")
    outcome = finish_tuning(
        settings, tuning_result(diverged, tuning_trial(1, 0.3), tuning_trial(2, 0.4)), TRAINING_SET, TUNING_PARAMS
    )
    assert outcome.ref is None
    assert outcome.gate.has_errors
    reason = "training, epoch 1: the loss is nan with a learning rate of 0.003"
    assert (
        outcome.message() == f"tuning: {refusal_reason('tuning', 'default_was_tried', default_missing_reason=reason)}"
    )


def test_the_study_lies_in_a_file_of_this_machine_unless_a_database_is_set(settings):
    assert study_database_url(settings) == f"sqlite:///{settings.gateway_state_dir}/studies.db"
    assert settings.gateway_state_dir.is_dir()
    elsewhere = settings.model_copy(update={"optuna_storage": SecretStr("postgresql://me@host/studies")})
    assert study_database_url(elsewhere) == "postgresql://me@host/studies"


def test_a_state_folder_that_cannot_be_created_is_named(tmp_path):
    (tmp_path / "state").write_text("a file")
    with pytest.raises(FreshetError) as error:
        study_database_url(Settings(_env_file=None, gateway_state_dir=tmp_path / "state"))
    assert str(error.value) == (
        f"{tmp_path}/state: cannot be created (File exists); "
        "make it writable, or set FRESHET_GATEWAY_STATE_DIR to a writable folder"
    )
