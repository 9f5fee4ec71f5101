"""What is wrong with a data file, found without Spark, so that it is named before a job fails on it."""

import gzip
import json
import zlib
from dataclasses import dataclass

from freshet import columns as c
from freshet.tables.headers import GZIP_MAGIC, DataFile, as_text, header, unpacked
from freshet.tables.identifiers import columns_used
from freshet.tables.mapping import Mapping, Source

BLOCK = 1 << 20  # bytes read at once
START = 4096  # bytes that must show what a file is
OWN = (c.LANDING_DATE, c.SOURCE_FILE, c.SOURCE_ROW, c.SOURCE_POSITION, c.CORRUPT)


@dataclass(frozen=True)
class Mistake:
    """What is wrong with a file, in one clause each: `problem; fix`."""

    problem: str
    fix: str


TRUNCATED = Mistake("ends in the middle of its compressed data", "deliver the whole file again")
DAMAGED = Mistake("is damaged: its compressed data cannot be unpacked", "deliver the file again")


def look(file: DataFile, mapping: Mapping | None, thorough: bool = False) -> Mistake | None:
    """The first mistake found in `file`: at its beginning, or (thorough) anywhere in its compressed data.

    Without a mapping only what holds for every file is looked at.
    """
    try:
        with unpacked(file) as stream:
            start = stream.read(START)
            while thorough and stream.read(BLOCK):
                pass
    except EOFError:
        return TRUNCATED
    except gzip.BadGzipFile:
        with file.open() as raw:
            return DAMAGED if raw.read(2) == GZIP_MAGIC else Mistake(
                "is named .gz and is not compressed with gzip", "compress it with gzip, or name it without .gz"
            )  # fmt: skip
    except zlib.error:
        return DAMAGED
    return _beginning(file, start, mapping)


def _beginning(file: DataFile, start: bytes, mapping: Mapping | None) -> Mistake | None:
    if not start.strip():
        return Mistake("is empty", "deliver it again, or remove it if nothing happened that day")
    if start.startswith(GZIP_MAGIC):
        return Mistake("is compressed with gzip and not named .gz", "add .gz to its name")
    if mapping is None:
        return None
    if mapping.source.format == "parquet":
        return (
            None if start.startswith(b"PAR1") else Mistake("is no parquet file", "check `source.format` in the mapping")
        )
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
    names = [name.lower() for name in header(file, source)]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        return Mistake(f"has two columns named {twice[0]}", "name each column once")
    if own := sorted(set(names) & set(OWN)):
        return Mistake(f"has a column named {own[0]}, which is a name of Freshet's", "name that column differently")
    if missing := sorted(columns_used(mapping) - set(names)):
        return Mistake(
            f"lacks {_columns(missing)} (its header: {_shown(header(file, source), source)})",
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
