"""What a gateway answers when it cannot answer: `{where, what, fix}` and the right HTTP status."""

import logging
from collections.abc import Mapping
from typing import Final

import msgspec

from freshet.errors import FreshetError
from freshet.serving.http.trimming import IS_BLANK

LOG = logging.getLogger("freshet")


class RequestError(FreshetError):
    """A request that is answered with an error. status: its HTTP status."""

    def __init__(self, status: int, where: str, what: str, fix: str) -> None:
        super().__init__(where, what, fix)
        self.status = status

    def __reduce__(self) -> tuple[type["RequestError"], tuple[int, str, str, str]]:  # type: ignore[override]
        return (type(self), (self.status, self.where, self.what, self.fix))


class GatewayError(FreshetError):
    """The gateway cannot start, or cannot keep what it was given."""


class Problem(msgspec.Struct, frozen=True):
    """An error as a client or an operator reads it."""

    where: str
    what: str
    fix: str

    @classmethod
    def from_error(cls, error: FreshetError) -> "Problem":
        """The three parts of an error."""
        return cls(error.where, error.what, error.fix)

    def message(self) -> str:
        """One line for the log."""
        return f"{self.where}: {self.what}; {self.fix}"


def to_client_error(error: Exception) -> FreshetError:
    """What a sender hears of an error that ended their work: ours as it is; a mistake of ours goes to the log."""
    if isinstance(error, FreshetError):
        return error
    LOG.error("a mistake in the gateway", exc_info=error)
    return RequestError(500, "gateway", "it made a mistake", "see its log, and report it")


def busy_error(what: str) -> RequestError:
    """The queue is full: better a clear no now than an answer nobody waits for any more."""
    return RequestError(503, "gateway", what, "try again in a moment, or run another gateway on its own state folder")


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
    """What is wrong with text that is no JSON, with the place where that is known."""
    return "the JSON is nested too deep" if isinstance(error, RecursionError) else str(error)


def field_problem(error: msgspec.ValidationError, where: str) -> Problem:
    """`Expected `str`, got `int` - at `$.item_id`` becomes where, what and fix."""
    what, _, path = str(error).partition(" - at `$")
    field_path = path.removesuffix("`").removeprefix(".")
    if what.endswith(IS_BLANK):  # said by us of a whole object: the field's name comes first
        field_path, what = f"{field_path}.{what.removesuffix(IS_BLANK)}".removeprefix("."), IS_BLANK.strip()
    name = field_path.rpartition(".")[2].split("[")[0]
    return Problem(f"{where}.{field_path}" if field_path else where, what, FIELD_FIXES.get(name, DEFAULT_FIX))


def unprocessable_error(error: msgspec.ValidationError, where: str) -> RequestError:
    """As `wrong_field`, for a request that is refused as a whole."""
    problem = field_problem(error, where)
    return RequestError(422, problem.where, problem.what, problem.fix)
