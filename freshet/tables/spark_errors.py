"""What lies at the bottom of an exception that Spark raised."""

import re
from typing import Any, Final
from urllib.parse import unquote

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

MAX_CAUSES: Final = 30  # causes of causes
_FILE = re.compile(r"Encountered error while reading file (.+?)\.\s+SQLSTATE")
_SQLSTATE = re.compile(r"\s*SQLSTATE: \w+.*", re.DOTALL)
_GENERIC: Final = re.compile(
    r"^(An error occurred while calling|Job aborted|Writing job aborted|Task failed|.*FAILED_READ)"
)


def causes(error: BaseException) -> list[str]:
    """The messages from the outermost exception to the innermost one, `Class: first line` each."""
    throwable = _throwable(error)
    if throwable is None:
        return [f"{type(error).__name__}: {_first_line(str(error))}"]
    messages: list[str] = []
    while throwable is not None and len(messages) < MAX_CAUSES:
        name = throwable.getClass().getSimpleName()
        messages.append(f"{name}: {_first_line(str(throwable.getMessage() or ''))}")
        throwable = throwable.getCause()
    return messages


def root_cause(error: BaseException) -> str:
    """The innermost message that says something."""
    messages = causes(error)
    specific = [text for text in messages if text.split(": ", 1)[1] and not _GENERIC.match(text.split(": ", 1)[1])]
    return (specific or messages)[-1][:300]


def failed_file(error: BaseException) -> str | None:
    """The path of the data file on which Spark failed, None where it was something else."""
    throwable, messages = _throwable(error), [str(error)]
    while throwable is not None and len(messages) < MAX_CAUSES:
        messages.append(str(throwable.getMessage() or ""))
        throwable = throwable.getCause()
    match = next((file_match for text in messages if (file_match := _FILE.search(text))), None)
    return None if match is None else re.sub(r"^file:/*", "/", unquote(match.group(1)))


def _throwable(error: BaseException) -> Any:
    """Spark's own exception; None for one of Python."""
    if isinstance(error, Py4JJavaError):
        return error.java_exception
    return getattr(error, "_origin", None) if isinstance(error, PySparkException) else None


def _first_line(text: str) -> str:
    return _SQLSTATE.sub("", next((line.strip() for line in text.splitlines() if line.strip()), ""))
