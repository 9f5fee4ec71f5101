"""What can be wrong with a data file, in words: a problem and what to do about it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """What is wrong with a file, in one clause each: `problem; fix`."""

    problem: str
    fix: str


@dataclass(frozen=True)
class Scan:
    """A file read to its end without Spark. records: how many lie in it, without the header and blank lines."""

    records: int
    mistake: Mistake | None = None


TRUNCATED = Mistake("ends in the middle of its compressed data", "deliver the whole file again")
DAMAGED = Mistake("is damaged: its compressed data cannot be unpacked", "deliver the file again")
EMPTY = Mistake("is empty", "deliver it again, or remove it if nothing happened that day")


def unclosed(line: int, end: str) -> Mistake:
    """A quoted field that begins in `line` (from 1) and goes too far; end: how far."""
    return Mistake(
        f"has a quote that opens in line {line:,} and {end}",
        "close it in the export; where the character is no quote, set `source.quote` to one that the files do not use",
    )


def too_long(line: int, longest: int) -> Mistake:
    """A record that does not end."""
    return Mistake(
        f"has a record that begins in line {line:,} and is longer than {longest >> 20} MiB",
        "close the quote that is open there, or shorten the field in the export",
    )


def mixed_ends(line: int, end: str) -> Mistake:
    """A line that ends otherwise than the first one of its file."""
    names = {"\n": "LF", "\r\n": "CR LF", "\r": "CR"}
    return Mistake(
        f"mixes line ends: the first line ends with {names[end]}, line {line:,} does not or holds another one",
        "write it with one kind of line end, e.g. `dos2unix`, and put a line break that belongs to a value into quotes",
    )
