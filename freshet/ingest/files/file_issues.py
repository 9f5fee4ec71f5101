"""The issues of data files: each a problem and its fix, as text."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FileIssue:
    """A problem of a file and its fix, one clause each; the problem follows the file's name."""

    problem: str
    fix: str


@dataclass(frozen=True)
class FileScan:
    """The result of reading a file to its end. records: without the header and blank lines."""

    records: int
    issue: FileIssue | None = None


TRUNCATED = FileIssue("ends in the middle of its compressed data", "deliver the whole file again")
DAMAGED = FileIssue("is damaged: its compressed data cannot be unpacked", "deliver the file again")
EMPTY = FileIssue("is empty", "deliver it again, or remove it if nothing happened that day")


def unclosed_quote(line_number: int, extent: str) -> FileIssue:
    """Return the issue of a quoted field that begins in line `line_number` (from 1); extent: where it ends."""
    return FileIssue(
        f"has a quote that opens in line {line_number:,} and {extent}",
        "close it in the export; where the character is no quote, set `source.quote` to one that the files do not use",
    )


def record_too_long(line_number: int, max_bytes: int) -> FileIssue:
    """Return the issue of a record that is longer than `max_bytes`."""
    return FileIssue(
        f"has a record that begins in line {line_number:,} and is longer than {max_bytes >> 20} MiB",
        "close the quote that is open there, or shorten the field in the export",
    )


def mixed_line_ends(line_number: int, line_end: str) -> FileIssue:
    """Return the issue of a line that has another end than the first one of its file."""
    names = {"\n": "LF", "\r\n": "CR LF", "\r": "CR"}
    return FileIssue(
        f"mixes line ends: the first line ends with {names[line_end]}, "
        f"line {line_number:,} does not or holds another one",
        "write it with one kind of line end, e.g. `dos2unix`, and put a line break that belongs to a value into quotes",
    )
