"""What a run says in a terminal: each refusal once, and at the end all of them with what to do."""

import logging
from typing import Any, ClassVar, Final

from dagster import DagsterEventType

from freshet.errors import FreshetError

MAX_SHOWN_ERRORS: Final = 10  # refusals shown at the end


class ErrorSummaryHandler(logging.Handler):
    """Rewrites a record of a run for the terminal. `deploy/dagster.yaml` names it.

    Dagster hands every record to the event log first, to the handlers of its home next, and to the terminal last: what
    is changed here is read in the terminal only, and the UI keeps everything. Left to itself Dagster repeats a refusal
    with two tracebacks. A message is shown up to its first line where it is an error: the rest, what to do, comes at
    the end.
    """

    # run → message → its step, in the order in which they came. Dagster makes a handler for every step.
    errors: ClassVar[dict[str, dict[str, str]]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Change what the record says."""
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
    """A refusal has been told; a mistake that a person can mend says so itself; for the rest its traceback."""
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
    """The text with its asset before it, once."""
    return text if not step or text.startswith((f"{step} ", f"{step}:")) else f"{step}: {text}"


def _freshet_error_names() -> set[str]:
    """Names of the errors that say themselves what to do: their traceback would hide it."""
    classes = [FreshetError]
    for kind in classes:
        classes.extend(kind.__subclasses__())
    return {kind.__name__ for kind in classes}
