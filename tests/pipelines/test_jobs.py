"""What runs together."""

import pytest

pytestmark = pytest.mark.dagster


def selected_assets(name: str) -> set[str]:
    from pipelines.definitions import defs

    job = defs.resolve_job_def(name)
    return {key.to_user_string() for key in job.asset_layer.executable_asset_keys}


def test_a_day_makes_every_daily_table_and_the_drift_report_and_no_model():

    from pipelines.definitions import defs

    graph = defs.resolve_asset_graph()
    daily = {key.to_user_string() for key in graph.get_all_asset_keys() if graph.get(key).is_partitioned}
    assert daily <= selected_assets("update_tables")
    assert "drift_report" in selected_assets("update_tables")
    assert not selected_assets("update_tables") & {"trained_model", "bundle", "evaluation", "release"}


def test_a_retraining_goes_from_weights_to_the_journal():
    assert selected_assets("retrain") >= {"trained_model", "bundle", "evaluation", "release"}


def test_the_night_does_all_of_it():
    from pipelines.definitions import defs

    all_assets = {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}
    assert (
        selected_assets("nightly")
        == selected_assets("update_tables") | selected_assets("retrain")
        == all_assets
        - selected_assets("batch_scoring")
        - selected_assets("build_edge_bundle")
        - selected_assets("tune")
    )


def test_lists_ahead_are_made_by_a_job_of_their_own():
    assert selected_assets("batch_scoring") == {"recommendations"}


def test_a_retraining_by_clock_or_sensor_keeps_the_configuration_that_serves():
    from dagster import validate_run_config

    from pipelines import jobs
    from pipelines.definitions import defs

    for name in jobs.TRAINING_JOBS:
        run_config = validate_run_config(defs.resolve_job_def(name), jobs.CHAMPION_CONFIG)
        assert run_config["ops"]["trained_model"]["config"]["param_source"] == "champion"


def test_a_search_is_started_by_hand_and_alone():
    assert selected_assets("tune") == {"tuning"}
