"""Every error that Freshet raises on purpose: where, what is wrong, how to fix it."""

from collections.abc import Sequence


def shorten(text: str, max_chars: int) -> str:
    """Return the text, cut to `max_chars` characters with `…` at its end if it is longer."""
    return text if len(text) <= max_chars else f"{text[: max_chars - 1]}…"


def first_few(texts: Sequence[str], limit: int, separator: str = ", ", noun: str = "") -> str:
    """Return the first `limit` texts and the number of the others: `a, b and 4 more`, or `… and 4 more days`."""
    joined, remaining = separator.join(texts[:limit]), len(texts) - limit
    if remaining <= 0:
        return joined
    conjunction = " and" if separator == ", " else f"{separator}and"
    return f"{joined}{conjunction} {remaining} more{f' {noun}' if noun else ''}"


class FreshetError(Exception):
    """An error that a user can fix: `where: what; fix`.

    where: the faulty thing (a file and line, a table and day, a setting).
    what: the fault, with numbers.
    fix: what to type or change next.
    """

    def __init__(self, where: str, what: str, fix: str) -> None:
        self.where, self.what, self.fix = where, what, fix
        super().__init__(f"{where}: {what}; {fix}")

    def __reduce__(self) -> tuple[type["FreshetError"], tuple[str, str, str]]:
        return (type(self), (self.where, self.what, self.fix))


class SettingsError(FreshetError):
    """A setting is missing or has a wrong value."""


class SetupError(FreshetError):
    """Something on this machine is missing, too old or broken: Java, jars, DAGSTER_HOME."""


class MappingError(FreshetError):
    """The source mapping file is wrong."""


class LandingError(FreshetError):
    """A file cannot be landed, or a landed file cannot be read."""


class LakeError(FreshetError):
    """A table cannot be staged, published or read."""


class MissingLakeError(LakeError):
    """There is no lake where FRESHET_LAKE points."""


class EmptyLakeError(FreshetError):
    """The lake has nothing to show yet: no day was run, nothing was released. Not a mistake: exit code 1."""


class BundleError(FreshetError):
    """A bundle is missing, corrupt or does not fit this version of Freshet."""


class JournalError(FreshetError):
    """The release journal is broken, or another process wrote to it first."""
