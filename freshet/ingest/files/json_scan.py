"""Count the records of a file of JSON lines without Spark, and find lines that Spark would read wrongly."""

import re
from collections.abc import Collection, Iterator
from typing import BinaryIO, Final

import msgspec

from freshet.ingest.files.file_issues import FileIssue, FileScan

BLOCK_BYTES: Final = 4 << 20  # read at once
BOM: Final = b"\xef\xbb\xbf"
_FIX: Final = "write one object per line: jq -c ."
_TRAILING: Final = re.compile(r"trailing characters \(byte (\d+)\)")
_decoder = msgspec.json.Decoder(msgspec.Raw)


def scan_json(stream: BinaryIO, required_keys: Collection[str]) -> FileScan:
    """Count the lines that are not blank. required_keys: each must occur in at least one record.

    A line that is not JSON counts as a record, too: the contract quarantines it.
    """
    missing_keys, records, line_number = set(required_keys), 0, 1
    for block in _line_blocks(stream):
        missing_keys -= {name for name in missing_keys if _has_key(block, name)}
        n_blank = sum(not text.strip() for text in block.split(b"\n"))
        count = block.count(b"\n") + 1 - n_blank
        if issue := _block_issue(block, count, line_number):
            return FileScan(records, issue)
        records += count
        line_number += block.count(b"\n")
    return FileScan(records, missing_columns_issue(missing_keys, records) if missing_keys and records else None)


def missing_columns_issue(names: Collection[str], records: int) -> FileIssue:
    """Return the issue of columns of the mapping that no record has."""
    columns = ", ".join(sorted(names))
    return FileIssue(
        f"has {records:,} records and in none of them {'the column' if len(names) == 1 else 'the columns'} {columns}",
        "deliver it with the columns that the mapping uses, change the mapping, or name what may be missing in "
        "`source.optional`",
    )


def _line_blocks(stream: BinaryIO) -> Iterator[bytes]:
    """Blocks of whole lines, with LF as their line end."""
    rest = stream.read(len(BOM)).removeprefix(BOM)
    while block := stream.read(BLOCK_BYTES):
        text = rest + block
        # A CR at the very end may have its LF in the next block.
        block_end = max(text.rfind(b"\n"), text.rfind(b"\r", 0, -1)) + 1
        rest = text[block_end:]
        yield _normalize_line_ends(text[:block_end])
    yield _normalize_line_ends(rest)


def _normalize_line_ends(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text


def _has_key(block: bytes, name: str) -> bool:
    if re.search(rb'"' + re.escape(name.encode()) + rb'"\s*:', block) is not None:
        return True
    return b"\\" in block and re.search(rb'"' + b"".join(map(_letter_pattern, name)) + rb'"\s*:', block) is not None


def _letter_pattern(char: str) -> bytes:
    """A pattern for a letter of a key, plain or escaped: many writers give `ü` as `\\u00fc`, some `/` as `\\/`."""
    units = char.encode("utf-16-be")
    escaped = b"".join(
        rb"\\u(?i:%04x)" % int.from_bytes(units[offset : offset + 2]) for offset in range(0, len(units), 2)
    )
    slash_escape = rb"|\\/" if char == "/" else b""
    return rb"(?:" + re.escape(char.encode()) + b"|" + escaped + slash_escape + b")"


def _block_issue(block: bytes, count: int, first_line: int) -> FileIssue | None:
    """The issue of a line with more than one value, or with a list: Spark would misread it."""
    list_match = re.search(rb"(?m)^[ \t]*\[", block)
    try:
        is_valid = len(_decoder.decode_lines(block)) == count
    except msgspec.DecodeError:
        is_valid = False
    if is_valid and list_match is None:
        return None
    for line_number, text in enumerate(block.split(b"\n"), start=first_line):
        if text.lstrip().startswith(b"["):
            return FileIssue(
                f"has a list in line {line_number:,}, not one object", "write one object per line: jq -c '.[]'"
            )
        if text.strip() and (trailing_text := _trailing_text(text)) is not None:
            what = "more than one JSON object" if trailing_text.startswith(b"{") else "text after a JSON value"
            return FileIssue(f"has {what} in line {line_number:,}", _FIX)
    return None


def _trailing_text(text: bytes) -> bytes | None:
    """The text behind the first JSON value of a line, which Spark would ignore; None if there is none."""
    try:
        _decoder.decode(text)
    except msgspec.DecodeError as error:
        match = _TRAILING.search(str(error))
        return text[int(match.group(1)) - 1 :].strip(b" ,\t\r") if match else None
    return None
