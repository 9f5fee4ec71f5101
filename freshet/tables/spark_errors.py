"""The Java exceptions behind an error that Spark raised: their messages, their classes, the file that failed."""

import re
from typing import Any, Final
from urllib.parse import unquote

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

MAX_CAUSES: Final = 30  # Java exceptions followed from one to its cause
_FILE = re.compile(r"Encountered error while reading file (.+?)\.\s+SQLSTATE")
_SQLSTATE = re.compile(r"\s*SQLSTATE: \w+.*", re.DOTALL)
_GENERIC: Final = re.compile(
    r"^(An error occurred while calling|Job aborted|Writing job aborted|Task failed|.*FAILED_READ)"
)


def causes(error: BaseException) -> list[str]:
    """Return `Class: first line` of each exception, from the outermost to the innermost one."""
    throwables = _throwables(error)
    if not throwables:
        return [f"{type(error).__name__}: {_first_line(str(error))}"]
    return [f"{t.getClass().getSimpleName()}: {_first_line(_message(t))}" for t in throwables]


def root_cause(error: BaseException) -> str:
    """Return the innermost message that is not one of Spark's generic ones, at most 300 characters."""
    messages = causes(error)
    specific = [text for text in messages if text.split(": ", 1)[1] and not _GENERIC.match(text.split(": ", 1)[1])]
    return (specific or messages)[-1][:300]


def java_classes(error: BaseException) -> set[str]:
    """Return the simple names of the Java exceptions' classes; none where Python raised the error."""
    return {throwable.getClass().getSimpleName() for throwable in _throwables(error)}


def failed_file(error: BaseException) -> str | None:
    """Return the path of the data file that Spark failed to read; None for any other failure."""
    messages = [str(error), *map(_message, _throwables(error))]
    match = next((file_match for text in messages if (file_match := _FILE.search(text))), None)
    return None if match is None else re.sub(r"^file:/*", "/", unquote(match.group(1)))


def _throwables(error: BaseException) -> list[Any]:
    """The Java exception and its causes, from the outermost to the innermost one."""
    if isinstance(error, Py4JJavaError):
        throwable = error.java_exception
    else:
        throwable = getattr(error, "_origin", None) if isinstance(error, PySparkException) else None
    throwables: list[Any] = []
    while throwable is not None and len(throwables) < MAX_CAUSES:
        throwables.append(throwable)
        throwable = throwable.getCause()
    return throwables


def _message(throwable: Any) -> str:
    return str(throwable.getMessage() or "")


def _first_line(text: str) -> str:
    return _SQLSTATE.sub("", next((line.strip() for line in text.splitlines() if line.strip()), ""))
