"""A Dagster logger that tells a run to somebody at a terminal: what is being done, how long each asset took."""

import logging
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster import DagsterEventType

from pipelines.demo.screen import DemoOutput


@dataclass
class RunProgress:
    """What one run did, asset by asset; errors are shown at once."""

    output: DemoOutput
    asset_seconds: dict[str, float] = field(default_factory=dict)  # asset → how long it took
    n_steps: int = 0  # of the run that is told
    step_number: int = 0  # the number of the one at work
    interrupted: bool = False  # by Ctrl-C
    _current_step: str = ""

    def logger(self) -> dg.LoggerDefinition:
        """A logger of its own, so that nothing else of the process speaks through it."""

        def create_logger(_: dg.InitLoggerContext) -> logging.Logger:
            logger = logging.Logger("freshet.story", level=logging.DEBUG)  # Dagster tells its events at DEBUG
            logger.addHandler(_RunLogHandler(self))
            return logger

        return dg.LoggerDefinition(create_logger, description="One line per asset, for a person at a terminal.")

    def start_run(self, n_steps: int) -> None:
        """A run of so many steps is about to start."""
        self.n_steps, self.step_number, self._current_step = n_steps, 0, ""

    def show_progress(self, text: str) -> None:
        """What the step at work says of itself."""
        self.output.update_status(f"{self._current_step}: {text}" if self._current_step else text)

    def pop_durations(self) -> str:
        """`raw_events 9.1 s · quarantined_events 1.2 s · …`, and forget it."""
        line = " · ".join(f"{asset} {duration:.1f} s" for asset, duration in self.asset_seconds.items())
        self.asset_seconds.clear()
        return line

    def handle_event(self, event: Any) -> None:
        """One event of Dagster's."""
        if event.event_type is DagsterEventType.STEP_START:
            self.step_number += 1
            self._current_step = f"step {self.step_number} of {self.n_steps}: {event.step_key}"
            self.output.update_status(self._current_step)
        elif event.event_type is DagsterEventType.STEP_SUCCESS:
            self.asset_seconds[event.step_key] = event.step_success_data.duration_ms / 1000
        elif event.event_type is DagsterEventType.STEP_FAILURE and _is_interrupt(event.step_failure_data.error):
            self.interrupted = True
        elif event.event_type is DagsterEventType.STEP_FAILURE:
            self.output.write(f"{event.step_key} was refused or failed", "red")


def _is_interrupt(error: Any) -> bool:
    """Whether a step ended because somebody pressed Ctrl-C."""
    return error is not None and error.cls_name == dg.DagsterExecutionInterruptedError.__name__


class _RunLogHandler(logging.Handler):
    def __init__(self, run_progress: RunProgress) -> None:
        super().__init__()
        self.run_progress = run_progress

    def emit(self, record: logging.LogRecord) -> None:
        meta = getattr(record, "dagster_meta", {})
        if meta.get("dagster_event") is not None:
            self.run_progress.handle_event(meta["dagster_event"])
            return
        message = str(meta.get("orig_message", record.getMessage()))
        if record.levelno >= logging.ERROR:
            self.run_progress.output.write(message, "red")
        else:
            self.run_progress.show_progress(message.splitlines()[0])
