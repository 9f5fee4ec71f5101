"""What can be wrong with a data file, in words: a problem and what to do about it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FileIssue:
    """What is wrong with a file, in one clause each: `problem; fix`."""

    problem: str
    fix: str


@dataclass(frozen=True)
class FileScan:
    """A file read to its end without Spark. records: how many lie in it, without the header and blank lines."""

    records: int
    issue: FileIssue | None = None


TRUNCATED = FileIssue("ends in the middle of its compressed data", "deliver the whole file again")
DAMAGED = FileIssue("is damaged: its compressed data cannot be unpacked", "deliver the file again")
EMPTY = FileIssue("is empty", "deliver it again, or remove it if nothing happened that day")


def unclosed_quote(line_number: int, extent: str) -> FileIssue:
    """A quoted field that begins in `line` (from 1) and goes too far; end: how far."""
    return FileIssue(
        f"has a quote that opens in line {line_number:,} and {extent}",
        "close it in the export; where the character is no quote, set `source.quote` to one that the files do not use",
    )


def record_too_long(line_number: int, max_bytes: int) -> FileIssue:
    """A record that does not end."""
    return FileIssue(
        f"has a record that begins in line {line_number:,} and is longer than {max_bytes >> 20} MiB",
        "close the quote that is open there, or shorten the field in the export",
    )


def mixed_line_ends(line_number: int, line_end: str) -> FileIssue:
    """A line that ends otherwise than the first one of its file."""
    names = {"\n": "LF", "\r\n": "CR LF", "\r": "CR"}
    return FileIssue(
        f"mixes line ends: the first line ends with {names[line_end]}, line {line_number:,} does not or holds another one",
        "write it with one kind of line end, e.g. `dos2unix`, and put a line break that belongs to a value into quotes",
    )
