"""A data file: open it, unpacked, and read its header."""

import csv
import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, Protocol, cast

from freshet.ingest.mapping.source_mapping import SourceFormat

GZIP_MAGIC = b"\x1f\x8b"


class DataFile(Protocol):
    """A file of events, landed or not."""

    @property
    def name(self) -> str:
        """Its name in messages."""

    @property
    def full_path(self) -> str:
        """Its absolute path or URL."""

    def open(self) -> BinaryIO:
        """Its bytes as they are."""


@dataclass(frozen=True)
class LocalFile:
    """A file on this machine that is not landed yet."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def full_path(self) -> str:
        return str(self.path.expanduser().absolute())

    def open(self) -> BinaryIO:
        return self.path.open("rb")


@contextmanager
def open_unpacked(file: DataFile) -> Iterator[BinaryIO]:
    """Yield the bytes of `file`, unpacked if its name ends in .gz (Spark has the same rule).

    Reading raises EOFError, gzip.BadGzipFile or zlib.error if the packed file is damaged.
    """
    with file.open() as raw:
        if not file.name.endswith(".gz"):
            yield raw
            return
        with gzip.GzipFile(fileobj=raw) as stream:
            yield cast(BinaryIO, stream)


def text_stream(stream: IO[bytes], source: SourceFormat) -> io.TextIOWrapper:
    """Return the stream as text, line ends unchanged; bytes that cannot be decoded become surrogates and survive."""
    encoding = "utf-8-sig" if source.encoding == "utf-8" else source.encoding
    return io.TextIOWrapper(stream, encoding=encoding, errors="surrogateescape", newline="")


def read_header(file: DataFile, source: SourceFormat) -> tuple[str, ...]:
    """Return the columns of `file` in its order; () for an empty csv, and for json, whose mapping has the schema.

    Raises as `open_unpacked` does.
    """
    if source.format == "json":
        return ()
    if source.format == "parquet":
        return _parquet_fields(file)
    if source.columns:
        return source.columns
    with open_unpacked(file) as stream, text_stream(stream, source) as text:
        return tuple(next(csv.reader(text, delimiter=source.delimiter, quotechar=source.quote), ()))


def parquet_column_names(file: DataFile) -> tuple[str, ...]:
    """Return the names of a parquet file's columns."""
    import pyarrow.parquet as pq

    with file.open() as raw:
        return tuple(pq.read_schema(raw).names)


def _parquet_fields(file: DataFile) -> tuple[str, ...]:
    """Name and type of each column: files of one group must agree on both."""
    import pyarrow.parquet as pq

    with file.open() as raw:
        return tuple(str(field) for field in pq.read_schema(raw))
