"""The study's name and the names in its database stay those of older versions, so that their studies go on."""

from datetime import date

import optuna

from freshet.artifacts import TrainingSetRef
from freshet.model.params import TrainParams
from freshet.tuning.space import TuningParams, search_space
from freshet.tuning.study import DEFAULT_TRIAL_KEY, resume_study, study_name

BASE_PARAMS = TrainParams(dropout=0.3, max_epochs=8)
TRAINING_SET = TrainingSetRef(as_of=date(2024, 3, 9), train_until=date(2024, 3, 7), snapshots={"training_set": 7})


def test_the_name_of_a_study_is_that_of_older_versions():
    training_set = {**TRAINING_SET.dump_former(), "item_inputs": "title:words"}
    name = study_name(training_set, BASE_PARAMS, search_space(TuningParams(), BASE_PARAMS))
    assert name == "search-c0baade746002845"  # computed by the version before the renames


def test_another_training_set_default_or_space_gives_another_study():
    space = search_space(TuningParams(search_params=["dropout"]), BASE_PARAMS)
    names = {
        study_name({"as_of": "2024-03-03"}, BASE_PARAMS, space),
        study_name({"as_of": "2024-03-04"}, BASE_PARAMS, space),
        study_name({"as_of": "2024-03-03"}, BASE_PARAMS.model_copy(update={"n_layers": 3}), space),
        study_name({"as_of": "2024-03-03"}, BASE_PARAMS, search_space(TuningParams(), BASE_PARAMS)),
    }
    assert len(names) == 4


def test_the_default_trial_is_enqueued_once_under_the_names_of_older_versions():
    study = optuna.create_study()
    for _ in range(2):
        resume_study(study, {"hidden_dim": 64, "dropout": 0.3}, lambda _: None, 1)
    (trial,) = study.trials
    assert trial.system_attrs["fixed_params"] == {"width": 64, "dropout": 0.3}
    assert trial.user_attrs == {DEFAULT_TRIAL_KEY: True}
