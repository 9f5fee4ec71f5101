"""A Dagster logger for the terminal: the current step, the duration of each asset, errors."""

import logging
from dataclasses import dataclass, field
from typing import Any, Final

import dagster as dg
from dagster import DagsterEventType

from pipelines.demo.screen import DemoOutput

LOGGER_NAME: Final = "demo"


@dataclass
class RunProgress:
    """Progress of one run, asset by asset; errors are shown at once."""

    output: DemoOutput
    asset_seconds: dict[str, float] = field(default_factory=dict)  # asset → duration
    n_steps: int = 0  # of the current run
    step_number: int = 0  # of the current step, from 1
    interrupted: bool = False  # by Ctrl-C
    _current_step: str = ""

    def logger(self) -> dg.LoggerDefinition:
        """Return a logger definition with a separate logger, which other code of the process does not use."""

        def create_logger(_: dg.InitLoggerContext) -> logging.Logger:
            logger = logging.Logger(f"freshet.{LOGGER_NAME}", level=logging.DEBUG)  # Dagster logs its events at DEBUG
            logger.addHandler(_RunLogHandler(self))
            return logger

        return dg.LoggerDefinition(create_logger, description="One line per asset, for a terminal.")

    def start_run(self, n_steps: int) -> None:
        """Reset the counters for a run of `n_steps` steps."""
        self.n_steps, self.step_number, self._current_step = n_steps, 0, ""

    def show_progress(self, text: str) -> None:
        """Show a message of the current step."""
        self.output.update_status(f"{self._current_step}: {text}" if self._current_step else text)

    def pop_durations(self) -> str:
        """Return `raw_events 9.1 s · quarantined_events 1.2 s · …` and clear the durations."""
        line = " · ".join(f"{asset} {duration:.1f} s" for asset, duration in self.asset_seconds.items())
        self.asset_seconds.clear()
        return line

    def handle_event(self, event: Any) -> None:
        """Update the progress from one Dagster event."""
        if event.event_type is DagsterEventType.STEP_START:
            self.step_number += 1
            self._current_step = f"step {self.step_number} of {self.n_steps}: {event.step_key}"
            self.output.update_status(self._current_step)
        elif event.event_type is DagsterEventType.STEP_SUCCESS:
            self.asset_seconds[event.step_key] = event.step_success_data.duration_ms / 1000
        elif event.event_type is DagsterEventType.STEP_FAILURE and _is_interrupt(event.step_failure_data.error):
            self.interrupted = True
        elif event.event_type is DagsterEventType.STEP_FAILURE:
            self.output.write(f"{event.step_key} failed, or its gate refused it", "red")


def _is_interrupt(error: Any) -> bool:
    """Return whether a step ended because of Ctrl-C."""
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
