"""Deliver a producer's files into the landing: each under its landing day, once; all files or none."""

import gzip
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from freshet.errors import LandingError
from freshet.ingest.files.data_file import LocalFile, open_unpacked
from freshet.ingest.files.file_checks import inspect_file, scan_file
from freshet.ingest.files.file_issues import FileScan
from freshet.ingest.mapping.source_mapping import SourceMapping
from freshet.ingest.split_by_day import ProgressCallback, SplitResult, split_by_day
from freshet.landing import EVENTS_PREFIX, landed_files
from freshet.settings import Settings
from freshet.store import Store, open_store

HASH_DIGITS: Final = 12  # of the content's SHA-256, hex, in a landed file's name
MAX_DAYS_BEFORE_MEDIAN: Final = 3650  # a date that lies further before a delivery's median day is a mistake
_HASH = re.compile(r"-([0-9a-f]{12})(?:\.\w+)*$")


@dataclass(frozen=True)
class LandedFileResult:
    """One landed file.

    name: below landing/events. rows: its records (None without a mapping: unknown). is_new: False if the same content
    was there already. undated_rows: records whose date could not be read, landed with the record before them.
    """

    source: Path
    day: date
    name: str
    rows: int | None
    is_new: bool
    undated_rows: int = 0


@dataclass(frozen=True)
class _DayPart:
    """A file to land: `path` holds its unpacked content, or is the packed source itself."""

    source: Path
    day: date
    path: Path
    rows: int | None
    undated_rows: int = 0
    first_record: int | None = None  # its first record in the source, from 1, if that was split


def land_files(
    settings: Settings,
    files: Sequence[Path],
    mapping: SourceMapping | None,
    day: date | None,
    progress: ProgressCallback,
    today: date | None = None,
) -> list[LandedFileResult]:
    """Land `files` under `day`; without a day, split each into its days as the mapping's `landing` says.

    Nothing is landed unless all files are sound. A file's name is its stem, 12 digits of its content's SHA-256 and its
    suffixes; content that a day already has is not landed again under another name.

    today: UTC, default: this machine's date; a landing day may lie one day after it, for other time zones.

    Raises LandingError: a file missing, empty, truncated, wrongly encoded or with records that a reader would swallow,
    no date column, no readable date, a day before the first or in the future, neither a day nor a way to split.
    """
    last_allowed_day = (today or datetime.now(UTC).date()) + timedelta(days=1)
    if day is None and (mapping is None or mapping.landing is None):
        raise LandingError(
            "landing",
            "neither a day nor a way to split the files into days is given",
            "give --date YYYY-MM-DD, or a mapping that has `landing:` (split_by, date_format)",
        )
    counts = {path: _count_records(path, mapping) for path in files}
    with tempfile.TemporaryDirectory(prefix="freshet-land-") as folder:
        if day is not None:
            parts = [_DayPart(path, day, path, rows=counts[path]) for path in files]
        else:
            parts = _split_files(counts, mapping, Path(folder), progress)
        _check_days(parts, settings.first_day, last_allowed_day)
        return _store_parts(open_store(settings.lake), parts, progress)


def _count_records(path: Path, mapping: SourceMapping | None) -> int | None:
    """The number of records in the file; None without a mapping."""
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise LandingError(str(path), what, "name the files to land")
    file = LocalFile(path)
    scan = FileScan(0, inspect_file(file, None, full_scan=True)) if mapping is None else scan_file(file, mapping)
    if scan.issue is not None:
        raise LandingError(str(path), scan.issue.problem, scan.issue.fix)
    return None if mapping is None else scan.records


def _split_files(
    counts: Mapping[Path, int | None], mapping: SourceMapping | None, folder: Path, progress: ProgressCallback
) -> list[_DayPart]:
    """The parts of all files, each file's in a folder of its own: their names are days."""
    parts: list[_DayPart] = []
    for number, (path, n_records) in enumerate(counts.items()):
        part_folder = folder / str(number)
        part_folder.mkdir()
        parts += _split_file(path, mapping, n_records or 0, part_folder, progress)
    return parts


def _split_file(
    path: Path, mapping: SourceMapping | None, n_records: int, folder: Path, progress: ProgressCallback
) -> list[_DayPart]:
    if mapping is None or mapping.landing is None:
        raise ValueError("a mapping with `landing` is needed to split a file")
    if mapping.source.format == "parquet":
        raise LandingError(str(path), "parquet files are not split into days", "land each under its day with --date")
    if n_records == 0:
        raise LandingError(str(path), "has no records, so no date either", "land it under its day with --date")
    result = split_by_day(LocalFile(path), mapping.source, mapping.landing, folder, progress)
    if (n_split := sum(result.row_counts.values())) != n_records:
        raise LandingError(
            str(path),
            f"holds {n_records:,} records and was split into {n_split:,}",
            "look for quotes and line ends that RFC 4180 does not allow, or land it under one day with --date",
        )
    return _day_parts(path, result)


def _day_parts(path: Path, result: SplitResult) -> list[_DayPart]:
    first_day = min(result.parts, default=None)
    return [
        _DayPart(
            source=path,
            day=day,
            path=part,
            rows=result.row_counts[day],
            undated_rows=result.undated_rows if day == first_day else 0,
            first_record=result.first_records[day],
        )
        for day, part in sorted(result.parts.items())
    ]


def _check_days(parts: Sequence[_DayPart], first_day: date, latest: date) -> None:
    """Raise LandingError if a day lies in the future or before the first one of the lake."""
    for part in parts:
        if part.day > latest:
            raise LandingError(
                str(part.source),
                f"{_date_phrase(part)} {part.day}, which lies in the future",
                "correct the date in the export (or `--date`) and land it again",
            )
    early = [part for part in parts if part.day < first_day]
    if not early:
        return
    outliers = [part for part in early if (_median_day(parts) - part.day).days > MAX_DAYS_BEFORE_MEDIAN]
    if outliers:
        raise LandingError(
            str(outliers[0].source),
            f"{_date_phrase(outliers[0])} {outliers[0].day}, years before the others",
            "correct the date in the export and land it again",
        )
    first, days = min(part.day for part in early), "day" if len(early) == 1 else "days"
    raise LandingError(
        str(early[0].source),
        f"holds {len(early)} landing {days} before the first one of this lake, {first_day} (from {first} on)",
        f"set FRESHET_FIRST_DAY={first} before anything is materialized",
    )


def _date_phrase(part: _DayPart) -> str:
    """`3 records (the first is record 17) are dated`; `is landed under` if the file was not split."""
    if part.first_record is None:
        return "is landed under"
    if part.rows == 1:
        return f"record {part.first_record:,} is dated"
    return f"{part.rows:,} records (the first is record {part.first_record:,}) are dated"


def _median_day(parts: Sequence[_DayPart]) -> date:
    """The median landing day of all records."""
    rows = sorted((part.day, part.rows or 1) for part in parts)
    half, cumulative = sum(count for _, count in rows) / 2, 0
    for day, count in rows:
        cumulative += count
        if cumulative >= half:
            return day
    return rows[-1][0]


def _store_parts(store: Store, parts: Sequence[_DayPart], progress: ProgressCallback) -> list[LandedFileResult]:
    names = {(file.day, match[1]): file.name for file in landed_files(store) if (match := _HASH.search(file.name))}
    landed: list[LandedFileResult] = []
    for number, part in enumerate(parts, start=1):
        content_hash = _content_hash(part)
        name = names.get((part.day, content_hash))
        is_new = name is None
        if name is None:
            name = f"dt={part.day.isoformat()}/{landed_name(part.source, content_hash)}"
            is_new = store.put_if_absent(f"{EVENTS_PREFIX}/{name}", _packed_content(part))
            names[part.day, content_hash] = name
        landed.append(
            LandedFileResult(
                source=part.source,
                day=part.day,
                name=name,
                rows=part.rows,
                is_new=is_new,
                undated_rows=part.undated_rows,
            )
        )
        progress(f"landed {number} of {len(parts)}: {name}")
    return landed


def _content_hash(part: _DayPart) -> str:
    """The hash of the unpacked content: the same rows are the same file, packed or not."""
    digest = sha256()
    with open_unpacked(LocalFile(part.path)) as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()[:HASH_DIGITS]


def _packed_content(part: _DayPart) -> bytes:
    content = part.path.read_bytes()
    is_final = part.path == part.source or part.source.suffix != ".gz"
    return content if is_final else gzip.compress(content, compresslevel=6, mtime=0)


def landed_name(source: Path, content_hash: str) -> str:
    """Return the name of a landed file, with only characters that are plain in Spark and in a URL.

    `my clicks.csv.gz` → `my-clicks-0123456789ab.csv.gz`.
    """
    stem, *suffixes = source.name.lstrip("._").split(".")
    landed_suffixes = _landed_suffixes(suffixes)
    base_name = ".".join([stem, *suffixes[: len(suffixes) - len(landed_suffixes)]])
    plain_name = re.sub(r"[^\w-]+", "-", base_name, flags=re.ASCII) or "file"
    return ".".join([f"{plain_name}-{content_hash}", *landed_suffixes])


def _landed_suffixes(suffixes: Sequence[str]) -> list[str]:
    """`csv`, or `csv` and `gz`, where they are plain; none else."""
    plain_suffixes = [part for part in suffixes[-2:] if re.fullmatch(r"[A-Za-z0-9]{1,8}", part)]
    if suffixes[-1:] == ["gz"]:
        return plain_suffixes
    return plain_suffixes[-1:] if suffixes[-1:] == plain_suffixes[-1:] else []
