"""Putting a producer's files into the landing: each under its day, whole or not at all, once."""

import gzip
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Final

from freshet.cutting import Cut, Progress, count, cut
from freshet.errors import LandingError
from freshet.landing import EVENTS, landed_files
from freshet.settings import Settings
from freshet.store import Store, open_store
from freshet.tables.headers import LocalFile, unpacked
from freshet.tables.inspection import look
from freshet.tables.mapping import Mapping

DIGITS: Final = 12  # of the content's SHA-256, hex, in a landed file's name
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


def land(
    settings: Settings, files: Sequence[Path], mapping: Mapping | None, day: date | None, progress: Progress
) -> list[Landed]:
    """Land `files` under `day`; without a day, cut each into its days as the mapping's `landing` says.

    Nothing is landed unless all files are sound. A file's name is its stem, 12 digits of its content's SHA-256 and its
    suffixes; content that a day already has is left as it is, whatever its name.

    Raises LandingError: a file missing, empty, truncated or wrongly encoded, no date column, no readable date, a day
    before the first, neither a day nor a way to cut.
    """
    landing = None if mapping is None else mapping.landing
    if day is None and landing is None:
        raise LandingError(
            "landing",
            "neither a day nor a way to cut the files into days is given",
            "say --date YYYY-MM-DD, or name a mapping that has `landing:` (split_by, date_format)",
        )
    for path in files:
        _sound(path, mapping)
    with tempfile.TemporaryDirectory(prefix="freshet-land-") as folder:
        parts: list[_Part] = []
        for number, path in enumerate(files):
            own = Path(folder) / str(number)
            own.mkdir()
            parts += [_whole(path, mapping, day)] if day else _days(path, mapping, own, progress)
        _in_range(parts, settings.first_day)
        return _put(open_store(settings.lake), parts, progress)


def _sound(path: Path, mapping: Mapping | None) -> None:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise LandingError(str(path), what, "name the files to land")
    mistake = look(LocalFile(path), mapping, thorough=True)
    if mistake is not None:
        raise LandingError(str(path), mistake.problem, mistake.fix)


def _whole(path: Path, mapping: Mapping | None, day: date) -> _Part:
    rows = None if mapping is None else count(LocalFile(path), mapping.source)
    return _Part(path, day, path, rows, 0)


def _days(path: Path, mapping: Mapping | None, folder: Path, progress: Progress) -> list[_Part]:
    if mapping is None or mapping.landing is None:
        raise ValueError("a mapping with `landing` is needed to cut")
    if mapping.source.format == "parquet":
        raise LandingError(str(path), "parquet files are not cut into days", "land each under its day with --date")
    found: Cut = cut(LocalFile(path), mapping.source, mapping.landing, folder, progress)
    first = min(found.parts, default=None)
    return [
        _Part(path, day, part, found.rows[day], found.undated if day == first else 0)
        for day, part in sorted(found.parts.items())
    ]


def _in_range(parts: Sequence[_Part], first_day: date) -> None:
    early = [part for part in parts if part.day < first_day]
    if early:
        first, days = min(part.day for part in early), "day" if len(early) == 1 else "days"
        raise LandingError(
            str(early[0].source),
            f"holds {len(early)} landing {days} before the first one of this lake, {first_day} (from {first} on)",
            f"set FRESHET_FIRST_DAY={first} before anything is materialized",
        )


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
    kept = (
        [part for part in suffixes[-2:] if re.fullmatch(r"\w{1,8}", part)] if suffixes[-1:] == ["gz"] else suffixes[-1:]
    )
    whole = ".".join([stem, *suffixes[: len(suffixes) - len(kept)]])
    return "".join(
        [re.sub(r"[^\w-]+", "-", whole, flags=re.ASCII) or "file", f"-{digits}", *(f".{part}" for part in kept)]
    )
