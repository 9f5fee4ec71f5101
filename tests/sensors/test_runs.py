"""Runs of sensors: run keys, and interrupted runs that are requested again."""

from datetime import date

import dagster as dg
import pytest
from dagster import DagsterRunStatus

from sensors.runs import KILLED_TAG, MAX_INTERRUPTED_RETRIES, RUN_KEY_TAG, SENSOR_TAG, next_run_key
from tests.idle_jobs import idle

DAY1, DAY2, DAY3 = (date(2024, 3, day) for day in (1, 2, 3))


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as dagster_instance:
        yield dagster_instance


def add_ended_run(instance, key, status, **tags):
    return instance.create_run_for_job(idle, status=status, tags={SENSOR_TAG: "landing", RUN_KEY_TAG: key, **tags})


@pytest.mark.dagster
def test_the_first_request_has_the_key_itself(instance):
    assert next_run_key(instance, "landing", "k") == ("k", None)


@pytest.mark.dagster
@pytest.mark.parametrize("status", [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED])
def test_a_run_that_ended_or_was_cancelled_is_not_requested_again(instance, status):
    run = add_ended_run(instance, "k", status)
    key, before = next_run_key(instance, "landing", "k")
    assert (key, before.run_id) == ("k", run.run_id)


@pytest.mark.dagster
def test_a_killed_run_is_requested_again_a_limited_number_of_times(instance):
    for number in range(MAX_INTERRUPTED_RETRIES + 1):
        name = f"k again {number}" if number else "k"
        assert next_run_key(instance, "landing", "k") == (name, None)
        run = add_ended_run(instance, name, DagsterRunStatus.FAILURE, **{KILLED_TAG: "yes"})
    key, before = next_run_key(instance, "landing", "k")
    assert (key, before.run_id) == (f"k again {MAX_INTERRUPTED_RETRIES}", run.run_id)


@dg.job
def stopped():
    @dg.op
    def pressed():
        raise dg.DagsterExecutionInterruptedError

    pressed()


@pytest.mark.dagster
def test_a_run_that_was_interrupted_is_requested_again(instance):
    run_result = stopped.execute_in_process(
        instance=instance, tags={SENSOR_TAG: "landing", RUN_KEY_TAG: "k"}, raise_on_error=False
    )
    assert instance.get_run_by_id(run_result.run_id).status is DagsterRunStatus.FAILURE
    assert next_run_key(instance, "landing", "k") == ("k again 1", None)
