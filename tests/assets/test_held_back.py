"""What hands over one thing: refused, the run fails and says why; held back, it stays green and nothing is made."""

import dagster as dg
import pytest

from assets.gates import hand_over_one, specs
from freshet.settings import Settings
from freshet.stages.outcome import Outcome, judged
from tests.gate_cases import HOLDS

pytestmark = pytest.mark.dagster

TOO_LARGE = {"bytes": 6_000_000, "share_of_room": 1.2}


def run(change: dict[str, object]) -> dg.ExecuteInProcessResult:
    """The edge bundle's gate over a profile that holds but for the change; nothing was kept."""
    judgement = judged("edge_bundle", {**HOLDS["edge_bundle"], **change}, Settings(_env_file=None, lake="lake"))

    @dg.asset(output_required=False, check_specs=specs("edge_bundle"))
    def edge_bundle(context: dg.AssetExecutionContext):
        yield from hand_over_one(context, Outcome(judgement, None, None))

    return dg.materialize([edge_bundle], raise_on_error=False)


def test_an_edge_bundle_that_is_too_large_leaves_the_run_green_and_its_check_says_why():
    done = run(TOO_LARGE)
    assert done.success
    assert done.get_asset_materialization_events() == []
    said = {check.check_name: check for check in done.get_asset_check_evaluations()}["edge_is_small"]
    assert (said.passed, said.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert said.description.startswith("edge_bundle: its files have 6,000,000 bytes, and 5,000,000 are allowed")


def test_one_that_answers_otherwise_fails_the_run():
    done = run({"overlap": 0.9})
    assert not done.success
    said = {check.check_name: check for check in done.get_asset_check_evaluations()}["edge_answers_as_fp32"]
    assert (said.passed, said.severity) == (False, dg.AssetCheckSeverity.ERROR)
