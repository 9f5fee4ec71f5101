"""The demo's configuration fits the jobs that it runs."""

import pytest

pytestmark = pytest.mark.dagster


@pytest.mark.parametrize("name", ["update_tables", "retrain"])
def test_the_configuration_of_the_ops_fits_the_job(name):
    from dagster import validate_run_config

    from pipelines.definitions import defs
    from pipelines.demo.context import OPS_CONFIG

    job = defs.resolve_job_def(name)
    ops = {op: config for op, config in OPS_CONFIG.items() if op in {node.name for node in job.graph.nodes}}
    assert ops
    run_config = validate_run_config(job, {"ops": ops})
    for op, config in ops.items():
        assert run_config["ops"][op]["config"].items() >= config["config"].items()
