"""Whether the lake can be used as it lies there: its folder, its catalogue, and the files that the catalogue names."""

import contextlib
import json
import os
import shlex
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from freshet.errors import LakeError, MissingLakeError

CATALOG: Final = "catalog.db"
RESTORE: Final = "`freshet catalog restore`"
PATIENCE: Final = 30.0  # seconds that another process may hold the catalogue
IN_USE: Final = "wait until the run that holds it has ended, then try again"


def require_lake(root: str) -> None:
    """Raise MissingLakeError unless there is a folder at `root`; of a lake on S3 nothing is known before it is read."""
    if "://" in root or Path(root).is_dir():
        return
    if Path(root).exists():
        raise MissingLakeError(_named(root), "is a file, not a folder", "correct FRESHET_LAKE (`freshet settings`)")
    fix = "correct FRESHET_LAKE (`freshet settings` says where it comes from), or begin a lake: `freshet land FILE…`"
    raise MissingLakeError(_named(root), "there is no such folder", fix)


def new_lake(root: str) -> str:
    """What to say where the next write begins a new lake; "" for a lake that is there.

    Raises MissingLakeError where the folder above is missing, too: a wrong name, or a disk that is not mounted.
    """
    if "://" in root or Path(root).is_dir():
        return ""
    above = Path(root).parent
    if Path(root).exists():
        require_lake(root)
    if not above.is_dir():
        make = f"`mkdir -p {shlex.quote(str(above))}`"
        fix = f"correct FRESHET_LAKE (`freshet settings`), mount its disk, or make the folder above: {make}"
        raise MissingLakeError(_named(root), f"neither it nor the folder above it is there ({above})", fix)
    return f"a new lake begins at {_named(root)}"


def check_lake(root: str) -> None:
    """Raise LakeError where tables would be read or written wrongly: no catalogue, a damaged one, one of another place.

    Everything that opens the catalogue passes here first. A lake without tables passes: its catalogue is yet to come.
    """
    if "://" in root:
        return
    catalog, traces = Path(root) / CATALOG, _traces(Path(root))
    if traces and not catalog.exists():
        raise LakeError(
            str(catalog), f"is missing, but the lake holds {traces}: a new one would hide them all", _fix(root)
        )
    if not catalog.exists():
        return
    places = _table_places(catalog, _fix(root))
    if traces and not places:
        raise LakeError(str(catalog), f"knows no table, but the lake holds {traces}", _fix(root))
    _check_places(Path(root), places)


def _table_places(catalog: Path, fix: str) -> dict[str, str]:
    """Table → its metadata file, as the catalogue has it. Raises LakeError for a damaged catalogue."""
    try:
        with contextlib.closing(_open(catalog)) as connection:
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if said != "ok":
                raise LakeError(str(catalog), f"is damaged ({said.splitlines()[-1]})", fix)
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if "iceberg_tables" not in names:
                return {}
            rows = connection.execute("SELECT table_namespace, table_name, metadata_location FROM iceberg_tables")
            return {
                f"{space}/{table}": place.removeprefix("file://").removeprefix("file:") for space, table, place in rows
            }
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            # Not named by its file: what restores a damaged catalogue must leave one alone that is in use.
            raise LakeError(str(catalog.parent), f"its catalogue is in use ({error})", IN_USE) from None
        raise LakeError(str(catalog), f"cannot be read ({error})", fix) from None
    except sqlite3.Error as error:
        raise LakeError(str(catalog), f"cannot be read ({error})", fix) from None


def _open(catalog: Path) -> sqlite3.Connection:
    """Reading only, its write-ahead log included; SQLite cannot look for one in a folder that it may not write."""
    how = "mode=ro" if os.access(catalog.parent, os.W_OK) else "immutable=1"
    return sqlite3.connect(f"file:{quote(str(catalog))}?{how}", uri=True, timeout=PATIENCE)


def _check_places(root: Path, places: dict[str, str]) -> None:
    for table, place in places.items():
        old, inside, _ = place.rpartition(f"/tables/{table}/metadata/")
        if inside and not is_same_folder(Path(old), root):
            raise moved(root, Path(old))
        if not Path(place).exists():
            fix = f"see that the disk of {root / 'tables'} is mounted and whole, or put the folder back from a backup"
            raise LakeError(place, f"is missing, but {root / CATALOG} names it as the state of {table}", fix)


def moved(root: Path, old: Path) -> LakeError:
    """Tables name their files by full path: what is read and written through this catalogue lies where it was."""
    if old.exists():
        what = f"is a copy of {old}: its tables name their files there, and would be read and written there"
        return LakeError(
            _named(str(root)), what, f"set FRESHET_LAKE={shlex.quote(str(old))}, or land the files in a new lake"
        )
    what = f"was moved here from {old}: its tables name their files by their full path there"
    link = f"`ln -s {shlex.quote(str(root))} {shlex.quote(str(old))}`"
    return LakeError(_named(str(root)), what, f"move it back, or let the old name lead here ({link})")


def is_same_folder(old: Path, root: Path) -> bool:
    """Whether both names lead to one folder."""
    return old == root or (old.exists() and root.exists() and old.samefile(root))


def _traces(root: Path) -> str:
    """`7 tables, records of days, 1 release`; "" for a lake in which nothing was published yet."""
    tables = sum(map(_was_written, _inside(root / "tables" / "shop")))
    days = any(_has_snapshot(path) for table in _inside(root / "days") for path in _inside(table))
    releases = sum(path.suffix == ".json" and path.stem.isdecimal() for path in _inside(root / "releases"))
    counted = [
        f"{count} {name}{'s' * (count > 1)}" for count, name in ((tables, "table"), (releases, "release")) if count
    ]
    return ", ".join([*counted, *(["records of days"] if days else [])])


def _was_written(table: Path) -> bool:
    """Not only created: a run that is killed right then leaves a first version that no catalogue ever knew."""
    return any(not path.name.startswith("00000-") for path in (table / "metadata").glob("*.metadata.json"))


def _has_snapshot(record: Path) -> bool:
    """A day can be refused before any table is written."""
    try:
        return json.loads(record.read_bytes())["snapshot"] is not None
    except (ValueError, KeyError, OSError):
        return False


def _inside(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _fix(root: str) -> str:
    return (
        f"see that the lake's own disk is mounted at {root}; "
        f"else put {CATALOG} back from a backup, or make it again from the tables: {RESTORE}"
    )


def _named(root: str) -> str:
    return f"{root} (FRESHET_LAKE)"
