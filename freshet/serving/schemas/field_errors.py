"""Validation errors of request bodies and parameters, by field: where, what and how to correct it."""

from collections.abc import Mapping
from typing import Final

import msgspec

from freshet.serving.errors import Problem, RequestError
from freshet.serving.schemas.trimming import IS_BLANK

JSON_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
ID_FIX: Final = "send it as text of 1 to 256 characters, or leave it out"
FIELD_FIXES: Final[Mapping[str, str]] = {
    "item_id": "send the catalogue's id as text of 1 to 256 characters",
    "event_type": "use one of view, cart, purchase, return",
    "event_id": ID_FIX,
    "user_id": ID_FIX,
    "session_id": ID_FIX,
    "event_time": "send ISO 8601 with a time zone, such as 2026-01-05T12:00:00Z, or leave it out",
    "quantity": "send a number above 0, or leave it out",
    "price": "send the price of one piece, a number from 0 to 1e13, or leave it out",
    "title": "send text of at most 1,024 characters",
    "category": "send text of at most 256 characters",
    "context": "send at most 32 texts by name, each of at most 256 characters",
    "k": "ask for 1 to 500 items",
}
DEFAULT_FIX: Final = "correct it: /openapi shows every field"


def json_error_message(error: Exception) -> str:
    """Return why a body is not valid JSON, with the position where msgspec reports one."""
    return "the JSON is nested too deep" if isinstance(error, RecursionError) else str(error)


def field_problem(error: msgspec.ValidationError, where: str) -> Problem:
    """Return `Expected `str`, got `int` - at `$.item_id`` as where, what and fix."""
    what, _, path = str(error).partition(" - at `$")
    field_path = path.removesuffix("`").removeprefix(".")
    if what.endswith(IS_BLANK):  # raised by `strip_ids` for the whole object: the field's name comes first
        field_path, what = f"{field_path}.{what.removesuffix(IS_BLANK)}".removeprefix("."), IS_BLANK.strip()
    name = field_path.rpartition(".")[2].split("[")[0]
    return Problem(f"{where}.{field_path}" if field_path else where, what, FIELD_FIXES.get(name, DEFAULT_FIX))


def unprocessable_error(error: msgspec.ValidationError, where: str) -> RequestError:
    """Return the same as `field_problem`, as an error (422) of the whole request."""
    problem = field_problem(error, where)
    return RequestError(422, problem.where, problem.what, problem.fix)
