"""Which columns a data file has, found without Spark by looking at its first record."""

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
        """What people call it."""

    @property
    def full_path(self) -> str:
        """Its absolute path or URL."""

    def open(self) -> BinaryIO:
        """Its bytes as they are."""


@dataclass(frozen=True)
class LocalFile:
    """A producer's file on this machine, not landed yet."""

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
    """The bytes of `file`, unpacked if its name ends in .gz (as Spark decides it too).

    Reading raises EOFError, gzip.BadGzipFile or zlib.error where the packed file is damaged.
    """
    with file.open() as raw:
        if not file.name.endswith(".gz"):
            yield raw
            return
        with gzip.GzipFile(fileobj=raw) as stream:
            yield cast(BinaryIO, stream)


def text_stream(stream: IO[bytes], source: SourceFormat) -> io.TextIOWrapper:
    """Text with its line ends as they are; bytes that are no text survive the way back (surrogateescape)."""
    encoding = "utf-8-sig" if source.encoding == "utf-8" else source.encoding
    return io.TextIOWrapper(stream, encoding=encoding, errors="surrogateescape", newline="")


def read_header(file: DataFile, source: SourceFormat) -> tuple[str, ...]:
    """The columns of `file` in its order; for json those of the mapping's schema are the same for every file: ().

    An empty csv has none. Raises what `unpacked` raises.
    """
    if source.format == "json":
        return ()
    if source.format == "parquet":
        return _parquet_fields(file)
    if source.columns:
        return source.columns
    with open_unpacked(file) as stream:
        return tuple(
            next(csv.reader(text_stream(stream, source), delimiter=source.delimiter, quotechar=source.quote), ())
        )


def parquet_column_names(file: DataFile) -> tuple[str, ...]:
    """The columns of a parquet file, names only."""
    import pyarrow.parquet as pq

    with file.open() as raw:
        return tuple(pq.read_schema(raw).names)


def _parquet_fields(file: DataFile) -> tuple[str, ...]:
    """Name and type of each column: files of one group must agree on both."""
    import pyarrow.parquet as pq

    with file.open() as raw:
        return tuple(str(field) for field in pq.read_schema(raw))
