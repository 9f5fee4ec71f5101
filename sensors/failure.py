"""The failure sensor: an alert for every failed run."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import dagster as dg

from freshet.settings import Settings
from resources.alerts import Alert, send
from resources.lake import Lake
from resources.run_days import days_from_tags
from sensors.runs import REASON_TAG

SENSOR_NAME: Final = "run_failed"
INTERVAL_S: Final = 10
DEFAULT_FIX: Final = "open the run, read the step's log, fix what it names, then run it again"


def failure_sensor(settings: Settings) -> dg.SensorDefinition:
    """Build the sensor that writes an alert for every failed run of this code location."""

    @dg.run_failure_sensor(
        name=SENSOR_NAME,
        minimum_interval_seconds=INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Writes an alert into the lake for every failed run, and posts it to the webhook if one is set.",
    )
    def run_failed(context: dg.RunFailureSensorContext, lake: dg.ResourceParam[Lake]) -> None:
        errors = [(event.step_key or "", _error_text(event)) for event in context.get_step_failure_events()]
        run = context.dagster_run
        alert_delivery = send(
            lake.store,
            settings,
            build_alert(run, errors, context.failure_event.message or "", settings, datetime.now(UTC)),
        )
        context.log.info(f"{alert_delivery.path or 'no file'} written")

    return run_failed


def build_alert(
    run: dg.DagsterRun, errors: Sequence[tuple[str, str]], fallback_message: str, settings: Settings, now: datetime
) -> Alert:
    """Build the alert. errors: (step, error message) of every failed step. fallback_message: used if no step failed."""
    steps = [step for step, _ in errors]
    days = days_from_tags(run.tags)
    span = "" if not days else f" of {days[0]}" if len(days) == 1 else f" of {days[0]}…{days[-1]}"
    message = errors[0][1] if errors else fallback_message
    what, fix = split_message(message)
    return Alert(
        at=now,
        run=run.run_id,
        job=run.job_name,
        what=f"run of {run.job_name} failed{f' in {steps[0]}' if steps else ''}",
        where=f"{', '.join(steps) or run.job_name}{span}",
        error=what,
        fix=fix,
        link=f"{settings.dagster_url.rstrip('/')}/runs/{run.run_id}",
        why=run.tags.get(REASON_TAG, ""),
    )


def split_message(message: str) -> tuple[str, str]:
    """Return (what, fix) of the first line that ends in `; fix`, as our errors do; else (first line, DEFAULT_FIX)."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    for line in lines:
        what, fix = _split_fix(line)
        if fix:
            return what, fix
    return (lines[0] if lines else "no error message"), DEFAULT_FIX


def _split_fix(line: str) -> tuple[str, str]:
    """Split a line at its first `; ` outside round brackets; ("line", "") if there is none.

    Brackets in our errors hold figures and reasons, which may contain semicolons.
    """
    depth = 0
    for position, letter in enumerate(line):
        if letter == "(":
            depth += 1
        elif letter == ")":
            depth = max(0, depth - 1)
        elif depth == 0 and line.startswith("; ", position):
            return line[:position], line[position + 2 :]
    return line, ""


def _error_text(event: dg.DagsterEvent) -> str:
    """Return the message of the step's own error, without Dagster's text around it."""
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return str(data.user_failure_data.description)
    error = data.error.cause if data.error and data.error.cause else data.error
    return "" if error is None else error.message.strip().partition(": ")[2] or error.message.strip()
