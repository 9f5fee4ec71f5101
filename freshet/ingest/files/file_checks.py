"""Check a data file without Spark, so that its issue is named before a job fails on it."""

import gzip
import json
import zlib
from typing import Final

from freshet.data import columns as c
from freshet.errors import shorten
from freshet.ingest.files.csv_scan import scan_csv
from freshet.ingest.files.data_file import (
    GZIP_MAGIC,
    DataFile,
    open_unpacked,
    parquet_column_names,
    read_header,
    text_stream,
)
from freshet.ingest.files.file_issues import DAMAGED, EMPTY, TRUNCATED, FileIssue, FileScan
from freshet.ingest.files.json_scan import scan_json
from freshet.ingest.files.parquet_scan import scan_parquet
from freshet.ingest.mapping.source_mapping import SourceFormat, SourceMapping
from freshet.ingest.mapping.sql_columns import required_columns, required_keys

BLOCK_BYTES: Final = 1 << 20  # read at once
HEAD_BYTES: Final = 4096  # that show the format of a file
MAX_HEADER_CHARS: Final = 200  # shown of a header
UNPACK_ERRORS: Final = (EOFError, gzip.BadGzipFile, zlib.error)


def scan_file(file: DataFile, mapping: SourceMapping) -> FileScan:
    """Read the file to its end; return its number of records and its first issue."""
    if issue := inspect_file(file, mapping):
        return FileScan(0, issue)
    if mapping.source.format == "parquet":
        return scan_parquet(file)
    try:
        with open_unpacked(file) as stream:
            if mapping.source.format == "json":
                return scan_json(stream, required_keys(mapping))
            return scan_csv(stream, mapping.source, len(read_header(file, mapping.source)))
    except UNPACK_ERRORS as error:
        return FileScan(0, _unpack_issue(file, error))


def inspect_file(file: DataFile, mapping: SourceMapping | None, full_scan: bool = False) -> FileIssue | None:
    """Return the first issue of `file`: at its beginning, or with `full_scan` anywhere in it.

    Without a mapping only its name and its compression are checked.
    """
    try:
        with open_unpacked(file) as stream:
            head = stream.read(HEAD_BYTES)
            while full_scan and mapping is None and stream.read(BLOCK_BYTES):
                pass
        issue = _name_issue(file) or _head_issue(file, head, mapping)
    except UNPACK_ERRORS as error:
        return _unpack_issue(file, error)
    if issue is None and full_scan and mapping is not None:
        return scan_file(file, mapping).issue
    return issue


def _unpack_issue(file: DataFile, error: Exception) -> FileIssue:
    """The issue behind an error of unpacking."""
    if isinstance(error, EOFError):
        return TRUNCATED
    with file.open() as raw:
        if isinstance(error, zlib.error) or raw.read(2) == GZIP_MAGIC:
            return DAMAGED
    return FileIssue("is named .gz and is not compressed with gzip", "compress it with gzip, or name it without .gz")


def _name_issue(file: DataFile) -> FileIssue | None:
    name = file.name.rpartition("/")[2]
    if ":" in name:
        return FileIssue("has a colon in its name, which Spark cannot open", "give it a name without a colon")
    if any(ord(char) < 32 or ord(char) == 127 for char in name):
        return FileIssue("has a control character in its name", "give it a name without one")
    return None


def _head_issue(file: DataFile, head: bytes, mapping: SourceMapping | None) -> FileIssue | None:
    if not head.strip():
        return EMPTY
    if head.startswith(GZIP_MAGIC):
        return FileIssue("is compressed with gzip and not named .gz", "add .gz to its name")
    if mapping is None:
        return None
    if mapping.source.format == "parquet":
        if not head.startswith(b"PAR1"):
            return FileIssue("is not a parquet file", "check `source.format` in the mapping")
        return scan_parquet(file).issue or _columns_issue(parquet_column_names(file), mapping)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head:
        return FileIssue("is UTF-16 or binary, not text", "save it as UTF-8: iconv -f UTF-16 -t UTF-8")
    return _json_issue(head) if mapping.source.format == "json" else _csv_issue(file, mapping)


def _json_issue(head: bytes) -> FileIssue | None:
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["):
        return FileIssue("is one JSON list, not one object per line", "write one object per line: jq -c '.[]'")
    return None


def _csv_issue(file: DataFile, mapping: SourceMapping) -> FileIssue | None:
    source = mapping.source
    if source.encoding == "utf-8" and (invalid_byte := _first_invalid_byte(file, source)) is not None:
        return FileIssue(
            f"is not UTF-8: byte 0x{invalid_byte:02X} in its first line",
            "set `source.encoding: iso-8859-1`, or save it as UTF-8",
        )
    return _columns_issue(read_header(file, source), mapping)


def _columns_issue(columns: tuple[str, ...], mapping: SourceMapping) -> FileIssue | None:
    names = [name.lower() for name in columns]
    if duplicates := sorted({name for name in names if names.count(name) > 1}):
        return FileIssue(f"has two columns named {duplicates[0]}", "name each column once")
    if reserved := sorted(set(names) & set(c.RESERVED)):
        return FileIssue(f"has a column named {reserved[0]}, which Freshet reserves", "name that column differently")
    if missing := sorted(required_columns(mapping) - set(names)):
        return FileIssue(
            f"lacks {_format_columns(missing)} (its header: {_format_header(columns, mapping.source)})",
            "deliver it with the columns that the mapping uses, or change the mapping",
        )
    return None


def _first_invalid_byte(file: DataFile, source: SourceFormat) -> int | None:
    """The first byte of the first line that is not UTF-8."""
    with open_unpacked(file) as stream, text_stream(stream, source) as text:
        line = text.readline()
    return next((ord(char) - 0xDC00 for char in line if 0xDC80 <= ord(char) <= 0xDCFF), None)


def _format_columns(names: list[str]) -> str:
    return f"the column {names[0]}" if len(names) == 1 else f"the columns {', '.join(names)}"


def _format_header(names: tuple[str, ...], source: SourceFormat) -> str:
    return json.dumps(shorten(source.delimiter.join(names), MAX_HEADER_CHARS), ensure_ascii=False)
