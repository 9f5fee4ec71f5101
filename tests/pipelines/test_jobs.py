"""The assets of each job."""

import pytest

pytestmark = pytest.mark.dagster


def selected_assets(name: str) -> set[str]:
    from pipelines.definitions import defs

    job = defs.resolve_job_def(name)
    return {key.to_user_string() for key in job.asset_layer.executable_asset_keys}


def test_update_tables_has_every_daily_table_and_the_drift_report_and_no_model():

    from pipelines.definitions import defs

    graph = defs.resolve_asset_graph()
    daily = {key.to_user_string() for key in graph.get_all_asset_keys() if graph.get(key).is_partitioned}
    assert daily <= selected_assets("update_tables")
    assert "drift_report" in selected_assets("update_tables")
    assert not selected_assets("update_tables") & {"trained_model", "bundle", "evaluation", "release"}


def test_retrain_goes_from_the_model_to_the_release():
    assert selected_assets("retrain") >= {"trained_model", "bundle", "evaluation", "release"}


def test_nightly_updates_the_tables_and_retrains():
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


def test_batch_scoring_is_a_separate_job():
    assert selected_assets("batch_scoring") == {"recommendations"}


def test_retraining_by_schedule_or_sensor_keeps_the_champions_parameters():
    from dagster import validate_run_config

    from pipelines import jobs
    from pipelines.definitions import defs

    for name in jobs.TRAINING_JOBS:
        run_config = validate_run_config(defs.resolve_job_def(name), jobs.CHAMPION_CONFIG)
        assert run_config["ops"]["trained_model"]["config"]["param_source"] == "champion"


def test_tune_has_only_the_study():
    assert selected_assets("tune") == {"tuning"}
