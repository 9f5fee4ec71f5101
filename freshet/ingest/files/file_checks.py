"""What is wrong with a data file, found without Spark, so that it is named before a job fails on it."""

import gzip
import json
import zlib
from typing import Final

from freshet.data import columns as c
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

BLOCK_BYTES = 1 << 20  # bytes read at once
HEAD_BYTES = 4096  # bytes that must show what a file is
UNPACK_ERRORS: Final = (EOFError, gzip.BadGzipFile, zlib.error)
RESERVED_COLUMNS = (c.LANDING_DATE, c.SOURCE_FILE, c.SOURCE_ROW, c.SOURCE_POSITION, c.CORRUPT)


def scan_file(file: DataFile, mapping: SourceMapping) -> FileScan:
    """The file read to its end: how many records lie in it, and the first mistake that is met."""
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
    """The first mistake found in `file`: at its beginning, or (thorough) anywhere in it.

    Without a mapping only what holds for every file is looked at.
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
    """What an error of unpacking means."""
    if isinstance(error, EOFError):
        return TRUNCATED
    with file.open() as raw:
        if isinstance(error, zlib.error) or raw.read(2) == GZIP_MAGIC:
            return DAMAGED
    return FileIssue("is named .gz and is not compressed with gzip", "compress it with gzip, or name it without .gz")


def _name_issue(file: DataFile) -> FileIssue | None:
    name = file.name.rpartition("/")[2]
    if ":" in name:
        return FileIssue("has a colon in its name, and Spark opens no such file", "give it a name without a colon")
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
            return FileIssue("is no parquet file", "check `source.format` in the mapping")
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
    if reserved := sorted(set(names) & set(RESERVED_COLUMNS)):
        return FileIssue(
            f"has a column named {reserved[0]}, which is a name of Freshet's", "name that column differently"
        )
    if missing := sorted(required_columns(mapping) - set(names)):
        return FileIssue(
            f"lacks {_format_columns(missing)} (its header: {_format_header(columns, mapping.source)})",
            "deliver it with the columns that the mapping uses, or change the mapping",
        )
    return None


def _first_invalid_byte(file: DataFile, source: SourceFormat) -> int | None:
    """The first byte of the first line that is no UTF-8."""
    with open_unpacked(file) as stream:
        line = text_stream(stream, source).readline()
    return next((ord(char) - 0xDC00 for char in line if 0xDC80 <= ord(char) <= 0xDCFF), None)


def _format_columns(names: list[str]) -> str:
    return f"the column {names[0]}" if len(names) == 1 else f"the columns {', '.join(names)}"


def _format_header(names: tuple[str, ...], source: SourceFormat) -> str:
    text = source.delimiter.join(names)
    return json.dumps(text if len(text) <= 200 else f"{text[:200]}…", ensure_ascii=False)
