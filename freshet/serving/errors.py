"""The gateway's errors: `{where, what, fix}` with an HTTP status."""

import logging

import msgspec

from freshet.errors import FreshetError

LOG = logging.getLogger("freshet")


class RequestError(FreshetError):
    """A request that gets an error response. status: its HTTP status."""

    def __init__(self, status: int, where: str, what: str, fix: str) -> None:
        super().__init__(where, what, fix)
        self.status = status

    def __reduce__(self) -> tuple[type["RequestError"], tuple[int, str, str, str]]:  # type: ignore[override]
        return (type(self), (self.status, self.where, self.what, self.fix))


class GatewayError(FreshetError):
    """The gateway cannot start, or cannot open its event store."""


class Problem(msgspec.Struct, frozen=True):
    """An error as a client or an operator reads it."""

    where: str
    what: str
    fix: str

    @classmethod
    def from_error(cls, error: FreshetError) -> "Problem":
        """Return the error's three parts."""
        return cls(error.where, error.what, error.fix)

    def message(self) -> str:
        """Return one line for the log."""
        return f"{self.where}: {self.what}; {self.fix}"


def to_client_error(error: Exception) -> FreshetError:
    """Return the error that the client gets: a FreshetError as it is, else 500, and log the bug."""
    if isinstance(error, FreshetError):
        return error
    LOG.error("a bug in the gateway", exc_info=error)
    return RequestError(500, "gateway", "internal error", "see the gateway's log, and report it")


def busy_error(what: str) -> RequestError:
    """Return the error of a full queue (503): the client can retry before its own timeout."""
    return RequestError(503, "gateway", what, "try again in a moment, or run another gateway on its own state folder")
