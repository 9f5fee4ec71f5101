"""Mark killed Dagster runs as failed: `python -m pipelines.cleanup_runs`, called by `make dev` before anything else.

A process that was killed, or stopped with its machine, cannot report the end of its run. Dagster would count the run
as running: no other run could start (one at a time), and the sensors would wait for it.
"""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import dagster as dg
from dagster import DagsterEventType, DagsterRunStatus

from freshet.errors import SetupError
from freshet.settings import ForeignEnvironment
from pipelines import program_entry
from sensors.runs import KILLED_TAG

log = logging.getLogger("freshet")

RUNNING_STATUSES: Final = (DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING)
PROC_FOLDER: Final = Path("/proc")  # Linux only
STAT_STATE_FIELD, STAT_START_FIELD = 0, 19  # fields of /proc/<pid>/stat after the process's name
CLOCK_TOLERANCE_S: Final = 5.0  # a process that started this much after the run's message is another process


def main() -> None:
    """Mark the killed runs of this DAGSTER_HOME as failed. Raises SetupError if it is not a folder."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    home = ForeignEnvironment().dagster_home
    if home is None or not home.is_dir():
        raise SetupError("DAGSTER_HOME", f"{home or 'unset'} is not a folder", "run `make dev`, which sets it")
    with dg.DagsterInstance.get() as instance:
        for run in fail_killed_runs(instance):
            log.info("run %s (%s) was killed; it is marked as failed", run.run_id[:8], run.job_name)


def fail_killed_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Mark runs without a live process as failed; return them.

    Call it only while no run is being started: a run that is starting has no process yet.
    """
    running_runs = instance.get_runs(dg.RunsFilter(statuses=list(RUNNING_STATUSES)))
    killed_runs = [
        run for run in running_runs if not any(_is_alive(*process) for process in _run_processes(instance, run))
    ]
    for run in killed_runs:
        instance.add_run_tags(run.run_id, {KILLED_TAG: "yes"})
        instance.report_run_failed(
            run, "the run's process is gone: it was killed, or the machine stopped; its sensor requests the run again"
        )
    return killed_runs


def _run_processes(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[tuple[int, float]]:
    """Yield (process id, time of its message in seconds since 1970) for every process of the run."""
    for record in instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT):
        event = record.dagster_event
        pid = event.engine_event_data.metadata.get("pid") if event is not None else None
        if pid is not None and str(pid.value).isdigit():
            yield int(str(pid.value)), record.timestamp


def _is_alive(pid: int, logged_at: float) -> bool:
    """Return whether the process that logged a message at `logged_at` still runs (its id may have been reused)."""
    try:
        os.kill(pid, 0)
    except OSError:  # it has ended, or the id now belongs to another user's process
        return False
    stat = PROC_FOLDER / str(pid) / "stat"
    if not stat.exists():
        return True
    fields = stat.read_text().rpartition(")")[2].split()
    boot_line = next(line for line in (PROC_FOLDER / "stat").read_text().splitlines() if line.startswith("btime"))
    started_at = int(boot_line.split()[1]) + int(fields[STAT_START_FIELD]) / os.sysconf("SC_CLK_TCK")
    return fields[STAT_STATE_FIELD] != "Z" and started_at <= logged_at + CLOCK_TOLERANCE_S


if __name__ == "__main__":
    program_entry.run(main)
