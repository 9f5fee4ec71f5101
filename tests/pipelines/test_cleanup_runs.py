"""Killed runs are marked as failed when `make dev` starts; live ones are left alone."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster import DagsterRunStatus
from dagster._core.events import EngineEventData

from freshet.errors import SetupError
from pipelines.cleanup_runs import fail_killed_runs, main
from sensors.runs import active_runs
from tests.idle_jobs import idle

pytestmark = pytest.mark.dagster

ROOT = Path(__file__).parents[2]
KILLED_MESSAGE = "the run's process is gone: it was killed, or the machine stopped; its sensor requests the run again"


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as dagster_instance:
        yield dagster_instance


@pytest.fixture
def idle_process():
    """A process that sleeps until it is killed."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield child
    child.kill()
    child.communicate()


def start_run(instance, process: int | None, status=DagsterRunStatus.STARTED) -> dg.DagsterRun:
    """A run that this process works on, as Dagster's launcher writes it down."""
    run = instance.create_run_for_job(idle, status=status)
    if process is not None:
        instance.report_engine_event("Started process for run.", run, EngineEventData.in_process(process))
    return run


def test_a_run_with_a_killed_process_is_marked_as_failed(instance, idle_process):
    run = start_run(instance, idle_process.pid)
    idle_process.kill()
    idle_process.wait()
    assert [ended_run.run_id for ended_run in fail_killed_runs(instance)] == [run.run_id]
    assert instance.get_run_by_id(run.run_id).status is DagsterRunStatus.FAILURE
    assert active_runs(instance) == []
    (failure,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
    assert failure.dagster_event.message == KILLED_MESSAGE


def test_a_run_with_a_live_process_is_left_alone(instance, idle_process):
    run = start_run(instance, idle_process.pid)
    assert fail_killed_runs(instance) == []
    assert instance.get_run_by_id(run.run_id).status is DagsterRunStatus.STARTED


def test_a_reused_process_id_does_not_count_as_the_runs_process(instance, idle_process, monkeypatch):
    monkeypatch.setattr("dagster._core.events.log.EventLogEntry.timestamp", 1e9)  # written in 2001
    run = start_run(instance, idle_process.pid)
    assert [ended_run.run_id for ended_run in fail_killed_runs(instance)] == [run.run_id]


@pytest.mark.parametrize("status", [DagsterRunStatus.STARTING, DagsterRunStatus.CANCELING])
def test_a_run_that_never_had_a_process_or_was_being_cancelled_is_failed_too(instance, status):
    run = start_run(instance, None, status)
    assert [ended_run.run_id for ended_run in fail_killed_runs(instance)] == [run.run_id]


def test_runs_that_wait_or_are_over_are_left_alone(instance):
    for status in (DagsterRunStatus.NOT_STARTED, DagsterRunStatus.SUCCESS):
        start_run(instance, None, status)
    assert fail_killed_runs(instance) == []


def test_an_unset_dagster_home_is_reported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "none"))
    with pytest.raises(SetupError) as error:
        main()
    message = f"DAGSTER_HOME: {tmp_path / 'none'} is not a folder; run `make dev`, which sets it"
    assert str(error.value) == message


def test_setup_configures_a_run_timeout_of_dagster(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text((ROOT / "deploy" / "dagster.yaml").read_text())
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_max_runtime_seconds == 4 * 3600
    assert yaml.safe_load((tmp_path / "dagster.yaml").read_text())["concurrency"]["runs"]["max_concurrent_runs"] == 1
