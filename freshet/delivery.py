"""Putting a producer's files into the landing: each under its day, whole or not at all, once."""

import gzip
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from freshet.cutting import Cut, Progress, cut
from freshet.errors import LandingError
from freshet.landing import EVENTS, landed_files
from freshet.settings import Settings
from freshet.store import Store, open_store
from freshet.tables.headers import LocalFile, unpacked
from freshet.tables.inspection import look, survey
from freshet.tables.mapping import Mapping
from freshet.tables.mistakes import Scan

DIGITS: Final = 12  # of the content's SHA-256, hex, in a landed file's name
STRAY: Final = 3650  # days before the middle of a delivery: a date so old is a mistake
_HASH = re.compile(r"-([0-9a-f]{12})(?:\.\w+)*$")


@dataclass(frozen=True)
class Landed:
    """One file of the landing after `land`.

    name: below landing/events. rows: its records (None without a mapping: unknown). new: False if the same content
    was there already. undated: records whose date could not be read, landed with the record before them.
    """

    source: Path
    day: date
    name: str
    rows: int | None
    new: bool
    undated: int = 0


@dataclass(frozen=True)
class _Part:
    """Something to land: its content (unpacked) lies in `path`, or is `path` itself packed."""

    source: Path
    day: date
    path: Path
    rows: int | None
    undated: int
    first: int | None = None  # its first record in the source, from 1, where that was cut


def land(
    settings: Settings,
    files: Sequence[Path],
    mapping: Mapping | None,
    day: date | None,
    progress: Progress,
    today: date | None = None,
) -> list[Landed]:
    """Land `files` under `day`; without a day, cut each into its days as the mapping's `landing` says.

    Nothing is landed unless all files are sound. A file's name is its stem, 12 digits of its content's SHA-256 and its
    suffixes; content that a day already has is left as it is, whatever its name.

    today: UTC, the machine's own where none is given; a landing day may lie one day after it, for other time zones.

    Raises LandingError: a file missing, empty, truncated, wrongly encoded or with records that a reader would swallow,
    no date column, no readable date, a day before the first or in the future, neither a day nor a way to cut.
    """
    latest = (today or datetime.now(UTC).date()) + timedelta(days=1)
    landing = None if mapping is None else mapping.landing
    if day is None and landing is None:
        raise LandingError(
            "landing",
            "neither a day nor a way to cut the files into days is given",
            "say --date YYYY-MM-DD, or name a mapping that has `landing:` (split_by, date_format)",
        )
    counts = {path: _sound(path, mapping) for path in files}
    with tempfile.TemporaryDirectory(prefix="freshet-land-") as folder:
        parts: list[_Part] = []
        for number, path in enumerate(files):
            own = Path(folder) / str(number)
            own.mkdir()
            parts += (
                [_Part(path, day, path, counts[path], 0)]
                if day
                else _days(path, mapping, counts[path] or 0, own, progress)
            )
        _in_range(parts, settings.first_day, latest)
        return _put(open_store(settings.lake), parts, progress)


def _sound(path: Path, mapping: Mapping | None) -> int | None:
    """How many records the file holds; None without a mapping."""
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise LandingError(str(path), what, "name the files to land")
    file = LocalFile(path)
    scan = Scan(0, look(file, None, thorough=True)) if mapping is None else survey(file, mapping)
    if scan.mistake is not None:
        raise LandingError(str(path), scan.mistake.problem, scan.mistake.fix)
    return None if mapping is None else scan.records


def _days(path: Path, mapping: Mapping | None, count: int, folder: Path, progress: Progress) -> list[_Part]:
    if mapping is None or mapping.landing is None:
        raise ValueError("a mapping with `landing` is needed to cut")
    if mapping.source.format == "parquet":
        raise LandingError(str(path), "parquet files are not cut into days", "land each under its day with --date")
    if count == 0:
        raise LandingError(str(path), "has no records, so no date either", "land it under its day with --date")
    found: Cut = cut(LocalFile(path), mapping.source, mapping.landing, folder, progress)
    if (cut_up := sum(found.rows.values())) != count:
        raise LandingError(
            str(path),
            f"holds {count:,} records and was cut into {cut_up:,}",
            "look for quotes and line ends that RFC 4180 does not allow, or land it under one day with --date",
        )
    first = min(found.parts, default=None)
    return [
        _Part(path, day, part, found.rows[day], found.undated if day == first else 0, found.first[day])
        for day, part in sorted(found.parts.items())
    ]


def _in_range(parts: Sequence[_Part], first_day: date, latest: date) -> None:
    """Raises LandingError where a day lies in the future or before the first one of the lake."""
    for part in parts:
        if part.day > latest:
            raise LandingError(
                str(part.source),
                f"{_dated(part)} {part.day}, which lies in the future",
                "correct the date in the export (or `--date`) and land it again",
            )
    early = [part for part in parts if part.day < first_day]
    if not early:
        return
    stray = [part for part in early if (_middle(parts) - part.day).days > STRAY]
    if stray:
        raise LandingError(
            str(stray[0].source),
            f"{_dated(stray[0])} {stray[0].day}, years before the others",
            "correct the date in the export and land it again",
        )
    first, days = min(part.day for part in early), "day" if len(early) == 1 else "days"
    raise LandingError(
        str(early[0].source),
        f"holds {len(early)} landing {days} before the first one of this lake, {first_day} (from {first} on)",
        f"set FRESHET_FIRST_DAY={first} before anything is materialized",
    )


def _dated(part: _Part) -> str:
    """`3 records (the first is record 17) are dated`; `is landed under` where it was not cut."""
    if part.first is None:
        return "is landed under"
    if part.rows == 1:
        return f"record {part.first:,} is dated"
    return f"{part.rows:,} records (the first is record {part.first:,}) are dated"


def _middle(parts: Sequence[_Part]) -> date:
    """The landing day in the middle of all records."""
    rows = sorted((part.day, part.rows or 1) for part in parts)
    half, seen = sum(count for _, count in rows) / 2, 0
    for day, count in rows:
        seen += count
        if seen >= half:
            return day
    return rows[-1][0]


def _put(store: Store, parts: Sequence[_Part], progress: Progress) -> list[Landed]:
    there = {(file.day, found[1]): file.name for file in landed_files(store) if (found := _HASH.search(file.name))}
    landed: list[Landed] = []
    for number, part in enumerate(parts, start=1):
        digits = _digest(part)
        name = there.get((part.day, digits))
        new = name is None
        if name is None:
            name = f"dt={part.day.isoformat()}/{_name(part.source, digits)}"
            new = store.put_if_absent(f"{EVENTS}/{name}", _content(part))
            there[part.day, digits] = name
        landed.append(Landed(part.source, part.day, name, part.rows, new, part.undated))
        progress(f"landed {number} of {len(parts)}: {name}")
    return landed


def _digest(part: _Part) -> str:
    """Of the unpacked content: the same rows are the same file, packed or not."""
    digest = sha256()
    with unpacked(LocalFile(part.path)) as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()[:DIGITS]


def _content(part: _Part) -> bytes:
    content = part.path.read_bytes()
    packed = part.path == part.source or part.source.suffix != ".gz"
    return content if packed else gzip.compress(content, compresslevel=6, mtime=0)


def _name(source: Path, digits: str) -> str:
    """`my clicks.csv.gz` → `my-clicks-0123456789ab.csv.gz`: letters that neither Spark nor a URL reads otherwise."""
    stem, *suffixes = source.name.lstrip("._").split(".")
    plain = [part for part in suffixes[-2:] if re.fullmatch(r"[A-Za-z0-9]{1,8}", part)]
    kept = plain if suffixes[-1:] == ["gz"] else plain[-1:] if plain and suffixes[-1] == plain[-1] else []
    whole = ".".join([stem, *suffixes[: len(suffixes) - len(kept)]])
    return "".join(
        [re.sub(r"[^\w-]+", "-", whole, flags=re.ASCII) or "file", f"-{digits}", *(f".{part}" for part in kept)]
    )
