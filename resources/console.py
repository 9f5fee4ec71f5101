"""Terminal output of a run: each error once where it happens, and at the end all of them with their fixes."""

import logging
from typing import Any, ClassVar, Final

from dagster import DagsterEventType

from freshet.errors import FreshetError

MAX_SHOWN_ERRORS: Final = 10  # in the summary at the end


class ErrorSummaryHandler(logging.Handler):
    """Shorten the log records of a run for the terminal; named in `deploy/dagster.yaml`.

    Dagster passes every record to the event log first, then to the handlers of its home, then to the terminal: a record
    that is changed here is short in the terminal, and complete in the UI. Without this handler Dagster prints an error
    again with two tracebacks. Of an error only the first line is printed where it happens; its fix follows in the
    summary.
    """

    # run id → message → step, in the order of arrival. A class attribute: Dagster creates one handler per step.
    errors: ClassVar[dict[str, dict[str, str]]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Rewrite the record's message."""
        meta: Any = getattr(record, "dagster_meta", None)
        if meta is None:
            return
        step, event, text = meta["step_key"] or "", meta["dagster_event"], str(meta["orig_message"])
        errors = self.errors.setdefault(meta["run_id"] or "", {})
        if event is None:
            record.msg = _message(step, text, record.levelno, errors)
        elif event.event_type is DagsterEventType.STEP_FAILURE:
            record.msg = _step_failure(step, event.step_failure_data, str(record.msg), errors)
        elif event.event_type is DagsterEventType.RUN_FAILURE and errors:
            record.msg = _run_failure(self.errors.pop(meta["run_id"]))


def _message(step: str, text: str, level: int, errors: dict[str, str]) -> str:
    if level < logging.ERROR:
        return _prefix_step(step, text)
    errors.setdefault(text, step)
    return _prefix_step(step, text.partition("\n")[0])


def _step_failure(step: str, data: Any, default_text: str, errors: dict[str, str]) -> str:
    """Return the message of a failed step: one line for our own errors, the traceback for others."""
    if data.user_failure_data is not None:
        return _prefix_step(step, str(data.user_failure_data.description).partition("\n")[0])
    error = data.error.cause or data.error
    if error.cls_name not in _freshet_error_names():
        return default_text
    what = error.message.strip().partition(": ")[2]
    return _message(step, what.replace("; ", "\n", 1), logging.ERROR, errors)


def _run_failure(errors: dict[str, str]) -> str:
    lines = ["The run failed:"]
    for message, step in list(errors.items())[:MAX_SHOWN_ERRORS]:
        first, _, fix = message.partition("\n")
        lines += [f"  {_prefix_step(step, first)}", *(f"    what to do: {line}" for line in fix.splitlines())]
    if len(errors) > MAX_SHOWN_ERRORS:
        lines.append(f"  and {len(errors) - MAX_SHOWN_ERRORS} more; `freshet days` lists every day with its verdict")
    return "\n".join(lines)


def _prefix_step(step: str, text: str) -> str:
    """Return the text with the step's name in front, unless it already begins with it."""
    return text if not step or text.startswith((f"{step} ", f"{step}:")) else f"{step}: {text}"


def _freshet_error_names() -> set[str]:
    """Return the class names of the errors that carry their fix and need no traceback."""
    classes = [FreshetError]
    for kind in classes:
        classes.extend(kind.__subclasses__())
    return {kind.__name__ for kind in classes}


Shorten = ErrorSummaryHandler  # the name that a dagster.yaml of an earlier version has
