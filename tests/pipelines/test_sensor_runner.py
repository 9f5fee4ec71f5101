"""Sensors ticked by hand: cursor, run keys, configuration, and the runs in this process."""

import dagster as dg
import pytest

from pipelines.sensor_runner import tick

pytestmark = pytest.mark.dagster


@dg.op(config_schema={"times": dg.Field(int, default_value=1), "hard": dg.Field(bool, default_value=False)})
def knock(context: dg.OpExecutionContext) -> tuple[int, bool]:
    return context.op_config["times"], context.op_config["hard"]


@dg.job
def door() -> None:
    knock()


@dg.sensor(job=door)
def counting(context: dg.SensorEvaluationContext):
    """Request one run per tick, three times, then the third again, then none."""
    number = int(context.cursor or 0) + 1
    context.update_cursor(str(number))
    if number > 4:
        return dg.SkipReason(f"{number - 1} are enough.")
    config = {"ops": {"knock": {"config": {"times": 9}}}} if number == 2 else {}
    return dg.RunRequest(run_key=str(min(number, 3)), tags={"number": str(number)}, run_config=config)


@pytest.fixture
def definitions_and_instance():
    return dg.Definitions(jobs=[door], sensors=[counting]), dg.DagsterInstance.ephemeral()


def test_the_cursor_is_kept_and_every_run_carries_its_tags(definitions_and_instance):
    first, second = (tick(*definitions_and_instance, "counting")[0] for _ in range(2))
    tags = [definitions_and_instance[1].get_run_by_id(sensor_run.run_id).tags for sensor_run in (first, second)]
    assert [
        (run_tags["number"], run_tags["dagster/run_key"], run_tags["dagster/sensor_name"]) for run_tags in tags
    ] == [
        ("1", "1", "counting"),
        ("2", "2", "counting"),
    ]


def test_a_run_key_is_run_once_and_a_skip_has_a_reason(definitions_and_instance):
    for _ in range(3):
        tick(*definitions_and_instance, "counting")
    assert tick(*definitions_and_instance, "counting").skip_message == "Every requested run has been executed."
    assert tick(*definitions_and_instance, "counting").skip_message == "4 are enough."
    assert len(definitions_and_instance[1].get_runs()) == 3


def test_run_config_does_not_override_the_sensors_config(definitions_and_instance):
    run_config = {"ops": {"knock": {"config": {"times": 5, "hard": True}}, "window": {"config": {"open": True}}}}
    first, second = (tick(*definitions_and_instance, "counting", run_config)[0] for _ in range(2))
    assert (first.output_for_node("knock"), second.output_for_node("knock")) == (
        (5, True), (9, True),
    )  # fmt: skip


def test_a_sensor_that_is_none_is_an_error(definitions_and_instance):
    with pytest.raises(dg.DagsterInvariantViolationError, match="no_such_sensor"):
        tick(*definitions_and_instance, "no_such_sensor")
