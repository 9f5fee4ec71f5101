"""The gate of an artifact: if refused, the run fails; if skipped, it succeeds without a materialization."""

import dagster as dg
import pytest

from assets.gates import check_specs, publish_artifact
from freshet.settings import Settings
from freshet.steps.step_result import StepResult, run_gate
from tests.gate_cases import PASSING_PROFILES

pytestmark = pytest.mark.dagster

TOO_LARGE_PROFILE = {"bytes": 6_000_000, "share_of_size_budget": 1.2}


def run_edge_gate(overrides: dict[str, object]) -> dg.ExecuteInProcessResult:
    """Run the edge bundle's gate over a passing profile with changes."""
    report = run_gate(
        "edge_bundle", {**PASSING_PROFILES["edge_bundle"], **overrides}, Settings(_env_file=None, lake="lake")
    )

    @dg.asset(output_required=False, check_specs=check_specs("edge_bundle"))
    def edge_bundle(context: dg.AssetExecutionContext):
        yield from publish_artifact(context, StepResult(report, None, None))

    return dg.materialize([edge_bundle], raise_on_error=False)


def test_an_edge_bundle_that_is_too_large_leaves_the_run_green():
    run_result = run_edge_gate(TOO_LARGE_PROFILE)
    assert run_result.success
    assert run_result.get_asset_materialization_events() == []
    checks = {check.check_name: check for check in run_result.get_asset_check_evaluations()}["edge_is_small"]
    assert (checks.passed, checks.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert checks.description.startswith("edge_bundle: its files have 6,000,000 bytes, and 5,000,000 are allowed")


def test_an_edge_bundle_with_other_lists_fails_the_run():
    run_result = run_edge_gate({"overlap": 0.9})
    assert not run_result.success
    checks = {check.check_name: check for check in run_result.get_asset_check_evaluations()}["edge_answers_as_fp32"]
    assert (checks.passed, checks.severity) == (False, dg.AssetCheckSeverity.ERROR)
