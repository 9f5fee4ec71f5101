"""The metadata of a study."""

from assets.tuning_plot import run_config, tuning_metadata
from freshet.model.params import TrainParams
from freshet.tuning.search import TrialResult, TuningResult

TRIALS = (
    TrialResult(0, "complete", {"hidden_dim": 64, "dropout": 0.2}, 0.2, {1: 0.1, 2: 0.2}, 5.0, True, ""),
    TrialResult(
        1, "pruned", {"hidden_dim": 32, "dropout": 0.3}, None, {1: 0.05}, 2.4, False, "behind the others after epoch 2"
    ),
    TrialResult(2, "complete", {"hidden_dim": 128, "dropout": 0.12345}, 0.3, {1: 0.3}, 9.0, False, ""),
)
BASE_PARAMS = TrainParams(hidden_dim=64, dropout=0.2, max_epochs=3)


def tuning_result(importance: dict[str, float]) -> TuningResult:
    return TuningResult("search-1", BASE_PARAMS, TRIALS, importance, 16.4)


def test_the_page_shows_the_result_every_trial_and_the_best_one():
    page = tuning_metadata(tuning_result({"hidden_dim": 0.7, "dropout": 0.3}))
    assert page["result"] == "Trial 2: NDCG@10 0.3000 against 0.2000 of the default (2 of 3 trials completed)."
    assert page["trials"].value.splitlines() == [
        "| trial | NDCG@10 | end | seconds | hidden_dim | dropout |",
        "|---|---:|---|---:|---:|---:|",
        "| 0 (default) | 0.2000 | complete | 5 | 64 | 0.2 |",
        "| 1 |  | behind the others after epoch 2 | 2 | 32 | 0.3 |",
        "| 2 | 0.3000 | complete | 9 | 128 | 0.1235 |",
    ]
    assert page["best trial"].value.splitlines()[2:] == ["| hidden_dim | 64 | 128 |", "| dropout | 0.2 | 0.1235 |"]
    assert page["plot"].value.startswith("![plot](data:image/png;base64,")


def test_the_run_configuration_has_only_values_that_differ_from_the_defaults():
    import yaml

    parsed_config = yaml.safe_load(run_config(tuning_result({}), TRIALS[2]))
    config = parsed_config["ops"]["trained_model"]["config"]
    assert TrainParams(**config) == TrainParams(hidden_dim=128, dropout=0.12345, max_epochs=3)
    assert all(getattr(TrainParams(), name) != value for name, value in config.items())


def test_a_search_without_a_score_has_no_winner_and_no_picture():
    empty_result = TuningResult("search-1", BASE_PARAMS, (TRIALS[1],), {}, 2.0)
    assert set(tuning_metadata(empty_result)) == {"result", "study", "trials", "seconds"}
