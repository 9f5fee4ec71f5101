"""What is wrong with a data file, found without Spark, so that it is named before a job fails on it."""

import gzip
import json
import zlib
from typing import Final

from freshet import columns as c
from freshet.tables.csv_scan import scan_csv
from freshet.tables.headers import GZIP_MAGIC, DataFile, as_text, header, parquet_names, unpacked
from freshet.tables.identifiers import columns_needed, keys_needed
from freshet.tables.json_scan import scan_json
from freshet.tables.mapping import Mapping, Source
from freshet.tables.mistakes import DAMAGED, EMPTY, TRUNCATED, Mistake, Scan
from freshet.tables.parquet_scan import scan_parquet

BLOCK = 1 << 20  # bytes read at once
START = 4096  # bytes that must show what a file is
PACKING: Final = (EOFError, gzip.BadGzipFile, zlib.error)
OWN = (c.LANDING_DATE, c.SOURCE_FILE, c.SOURCE_ROW, c.SOURCE_POSITION, c.CORRUPT)


def survey(file: DataFile, mapping: Mapping) -> Scan:
    """The file read to its end: how many records lie in it, and the first mistake that is met."""
    if mistake := look(file, mapping):
        return Scan(0, mistake)
    if mapping.source.format == "parquet":
        return scan_parquet(file)
    try:
        with unpacked(file) as stream:
            if mapping.source.format == "json":
                return scan_json(stream, keys_needed(mapping))
            return scan_csv(stream, mapping.source, len(header(file, mapping.source)))
    except PACKING as error:
        return Scan(0, _packing(file, error))


def look(file: DataFile, mapping: Mapping | None, thorough: bool = False) -> Mistake | None:
    """The first mistake found in `file`: at its beginning, or (thorough) anywhere in it.

    Without a mapping only what holds for every file is looked at.
    """
    try:
        with unpacked(file) as stream:
            start = stream.read(START)
            while thorough and mapping is None and stream.read(BLOCK):
                pass
        mistake = _name(file) or _beginning(file, start, mapping)
    except PACKING as error:
        return _packing(file, error)
    if mistake is None and thorough and mapping is not None:
        return survey(file, mapping).mistake
    return mistake


def _packing(file: DataFile, error: Exception) -> Mistake:
    """What an error of unpacking means."""
    if isinstance(error, EOFError):
        return TRUNCATED
    with file.open() as raw:
        if isinstance(error, zlib.error) or raw.read(2) == GZIP_MAGIC:
            return DAMAGED
    return Mistake("is named .gz and is not compressed with gzip", "compress it with gzip, or name it without .gz")


def _name(file: DataFile) -> Mistake | None:
    name = file.name.rpartition("/")[2]
    if ":" in name:
        return Mistake("has a colon in its name, and Spark opens no such file", "give it a name without a colon")
    if any(ord(char) < 32 or ord(char) == 127 for char in name):
        return Mistake("has a control character in its name", "give it a name without one")
    return None


def _beginning(file: DataFile, start: bytes, mapping: Mapping | None) -> Mistake | None:
    if not start.strip():
        return EMPTY
    if start.startswith(GZIP_MAGIC):
        return Mistake("is compressed with gzip and not named .gz", "add .gz to its name")
    if mapping is None:
        return None
    if mapping.source.format == "parquet":
        if not start.startswith(b"PAR1"):
            return Mistake("is no parquet file", "check `source.format` in the mapping")
        return scan_parquet(file).mistake or _column_names(parquet_names(file), mapping)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start:
        return Mistake("is UTF-16 or binary, not text", "save it as UTF-8: iconv -f UTF-16 -t UTF-8")
    return _json_lines(start) if mapping.source.format == "json" else _csv_header(file, mapping)


def _json_lines(start: bytes) -> Mistake | None:
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["):
        return Mistake("is one JSON list, not one object per line", "write one object per line: jq -c '.[]'")
    return None


def _csv_header(file: DataFile, mapping: Mapping) -> Mistake | None:
    source = mapping.source
    if source.encoding == "utf-8" and (bad := _no_text(file, source)) is not None:
        return Mistake(
            f"is not UTF-8: byte 0x{bad:02X} in its first line",
            "set `source.encoding: iso-8859-1`, or save it as UTF-8",
        )
    return _column_names(header(file, source), mapping)


def _column_names(columns: tuple[str, ...], mapping: Mapping) -> Mistake | None:
    names = [name.lower() for name in columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        return Mistake(f"has two columns named {twice[0]}", "name each column once")
    if own := sorted(set(names) & set(OWN)):
        return Mistake(f"has a column named {own[0]}, which is a name of Freshet's", "name that column differently")
    if missing := sorted(columns_needed(mapping) - set(names)):
        return Mistake(
            f"lacks {_columns(missing)} (its header: {_shown(columns, mapping.source)})",
            "deliver it with the columns that the mapping uses, or change the mapping",
        )
    return None


def _no_text(file: DataFile, source: Source) -> int | None:
    """The first byte of the first line that is no UTF-8."""
    with unpacked(file) as stream:
        line = as_text(stream, source).readline()
    return next((ord(char) - 0xDC00 for char in line if 0xDC80 <= ord(char) <= 0xDCFF), None)


def _columns(names: list[str]) -> str:
    return f"the column {names[0]}" if len(names) == 1 else f"the columns {', '.join(names)}"


def _shown(names: tuple[str, ...], source: Source) -> str:
    text = source.delimiter.join(names)
    return json.dumps(text if len(text) <= 200 else f"{text[:200]}…", ensure_ascii=False)
