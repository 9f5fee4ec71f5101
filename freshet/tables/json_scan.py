"""The records of a file of JSON lines counted without Spark, and what Spark would read otherwise than it stands."""

import re
from collections.abc import Collection, Iterator
from typing import BinaryIO, Final

import msgspec

from freshet.tables.mistakes import Mistake, Scan

BLOCK: Final = 4 << 20  # bytes read at once
BOM: Final = b"\xef\xbb\xbf"
_FIX: Final = "write one object per line: jq -c ."
_TRAILING: Final = re.compile(r"trailing characters \(byte (\d+)\)")
_decoder = msgspec.json.Decoder(msgspec.Raw)


def scan_json(stream: BinaryIO, names: Collection[str]) -> Scan:
    """Count the lines that are not blank. `names`: keys each of which must occur in some record.

    A line that is no JSON at all is a record, too: the contract has a reason for it.
    """
    absent, records, line = set(names), 0, 1
    for block in _whole_lines(stream):
        absent -= {name for name in absent if _holds_key(block, name)}
        blank = sum(not text.strip() for text in block.split(b"\n"))
        count = block.count(b"\n") + 1 - blank
        if mistake := _mistake(block, count, line):
            return Scan(records, mistake)
        records += count
        line += block.count(b"\n")
    return Scan(records, lacking(absent, records) if absent and records else None)


def lacking(names: Collection[str], records: int) -> Mistake:
    """Columns of the mapping that no record has."""
    what = ", ".join(sorted(names))
    return Mistake(
        f"has {records:,} records and in none of them {'the column' if len(names) == 1 else 'the columns'} {what}",
        "deliver it with the columns that the mapping uses, change the mapping, or name what may be missing in "
        "`source.optional`",
    )


def _whole_lines(stream: BinaryIO) -> Iterator[bytes]:
    """Blocks that end with a line, line ends written as LF."""
    rest = stream.read(len(BOM)).removeprefix(BOM)
    while block := stream.read(BLOCK):
        text = rest + block
        cut = max(text.rfind(b"\n"), text.rfind(b"\r", 0, -1)) + 1  # a CR at the very end may have its LF in the next
        rest = text[cut:]
        yield _with_lf(text[:cut])
    yield _with_lf(rest)


def _with_lf(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text


def _holds_key(block: bytes, name: str) -> bool:
    if re.search(rb'"' + re.escape(name.encode()) + rb'"\s*:', block) is not None:
        return True
    return b"\\" in block and re.search(rb'"' + b"".join(map(_letter, name)) + rb'"\s*:', block) is not None


def _letter(char: str) -> bytes:
    """A letter of a key as it stands or escaped: many writers give `ü` as `\\u00fc`, some `/` as `\\/`."""
    units = char.encode("utf-16-be")
    escaped = b"".join(rb"\\u(?i:%04x)" % int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2))
    short = rb"|\\/" if char == "/" else b""
    return rb"(?:" + re.escape(char.encode()) + b"|" + escaped + short + b")"


def _mistake(block: bytes, count: int, line: int) -> Mistake | None:
    """What a reader of lines would misread: a line with more than one value, or with a list."""
    listed = re.search(rb"(?m)^[ \t]*\[", block)
    try:
        same = len(_decoder.decode_lines(block)) == count
    except msgspec.DecodeError:
        same = False
    if same and listed is None:
        return None
    for place, text in enumerate(block.split(b"\n"), start=line):
        if text.lstrip().startswith(b"["):
            return Mistake(f"has a list in line {place:,}, not one object", "write one object per line: jq -c '.[]'")
        if text.strip() and (more := _after_first(text)) is not None:
            what = "more than one JSON object" if more.startswith(b"{") else "text after a JSON value"
            return Mistake(f"has {what} in line {place:,}", _FIX)
    return None


def _after_first(text: bytes) -> bytes | None:
    """What follows the first JSON value of a line, which Spark would not look at; None where nothing does."""
    try:
        _decoder.decode(text)
    except msgspec.DecodeError as error:
        place = _TRAILING.search(str(error))
        return text[int(place.group(1)) - 1 :].strip(b" ,\t\r") if place else None
    return None
