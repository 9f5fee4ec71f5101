"""A Dagster logger that tells a run to somebody at a terminal: one line per asset, errors in full."""

import logging
import sys

import dagster as dg
from dagster import DagsterEventType

_FIRST = 4  # columns before the asset's name


class _Story(logging.Handler):
    """Asset, what became visible, seconds; progress lines of a step replace each other on a terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        meta = getattr(record, "dagster_meta", {})
        event = meta.get("dagster_event")
        if event is None:
            self._said(record)
        elif event.event_type is DagsterEventType.STEP_START:
            self._passing(f"{event.step_key} …")
        elif event.event_type is DagsterEventType.STEP_SUCCESS:
            seconds = event.step_success_data.duration_ms / 1000
            self._line(f"{'':{_FIRST}}{event.step_key:<20}{seconds:>6.1f} s")
        elif event.event_type is DagsterEventType.STEP_FAILURE:
            self._line(f"{'':{_FIRST}}{event.step_key:<20}refused or failed")

    def _said(self, record: logging.LogRecord) -> None:
        message = record.dagster_meta["orig_message"] if hasattr(record, "dagster_meta") else record.getMessage()
        if record.levelno >= logging.ERROR:
            self._line(f"{'':{_FIRST}}{message}")
        elif record.levelno >= logging.INFO:
            self._passing(message)

    def _passing(self, text: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[2K{'':{_FIRST}}{text.splitlines()[0][:110]}")
            sys.stderr.flush()

    def _line(self, text: str) -> None:
        start = "\r\033[2K" if sys.stderr.isatty() else ""
        sys.stderr.write(f"{start}{text}\n")


def _story(init_context: dg.InitLoggerContext) -> logging.Logger:
    """A logger of its own, so that nothing else of the process speaks through it."""
    del init_context
    logger = logging.Logger("freshet.story", level=logging.DEBUG)  # Dagster tells its events at DEBUG
    logger.addHandler(_Story())
    return logger


story = dg.LoggerDefinition(_story, description="One line per asset, for a person at a terminal.")
