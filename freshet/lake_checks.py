"""Check that the lake can be used: its folder, its catalogue, and the files that the catalogue names."""

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

CATALOG_FILE: Final = "catalog.db"
RESTORE_COMMAND: Final = "`freshet catalog restore`"
LOCK_TIMEOUT_S: Final = 30.0  # how long another process may lock the catalogue
IN_USE_FIX: Final = "wait until the run that holds it has ended, then try again"


def require_lake(root: str) -> None:
    """Raise MissingLakeError unless there is a folder at `root`; a lake on S3 is not checked before it is read."""
    if "://" in root or Path(root).is_dir():
        return
    if Path(root).exists():
        raise MissingLakeError(
            _lake_label(root), "is a file, not a folder", "correct FRESHET_LAKE (`freshet settings`)"
        )
    fix = "correct FRESHET_LAKE (`freshet settings` shows its source), or begin a lake: `freshet land FILE…`"
    raise MissingLakeError(_lake_label(root), "there is no such folder", fix)


def new_lake_message(root: str) -> str:
    """Return a line of text if the next write begins a new lake; "" if there is a lake.

    Raises MissingLakeError if the parent folder is missing, too: a wrong name, or a disk that is not mounted.
    """
    if "://" in root or Path(root).is_dir():
        return ""
    parent = Path(root).parent
    if Path(root).exists():
        require_lake(root)
    if not parent.is_dir():
        command = f"`mkdir -p {shlex.quote(str(parent))}`"
        fix = f"correct FRESHET_LAKE (`freshet settings`), mount its disk, or make its parent folder: {command}"
        raise MissingLakeError(_lake_label(root), f"neither it nor its parent folder exists ({parent})", fix)
    return f"a new lake begins at {_lake_label(root)}"


def check_lake(root: str) -> None:
    """Raise LakeError if the catalogue is missing, damaged, or names files of another folder.

    Call it before opening the catalogue. A lake without tables passes: it has no catalogue yet.
    """
    if "://" in root:
        return
    catalog, contents = Path(root) / CATALOG_FILE, _lake_contents(Path(root))
    if contents and not catalog.exists():
        raise LakeError(
            str(catalog),
            f"is missing, but the lake holds {contents}: a new catalogue would hide them",
            _restore_fix(root),
        )
    if not catalog.exists():
        return
    locations = _table_locations(catalog, _restore_fix(root))
    if contents and not locations:
        raise LakeError(str(catalog), f"lists no table, but the lake holds {contents}", _restore_fix(root))
    _check_locations(Path(root), locations)


def _table_locations(catalog: Path, fix: str) -> dict[str, str]:
    """Table → its metadata file in the catalogue. Raises LakeError for a damaged catalogue."""
    try:
        with contextlib.closing(_connect(catalog)) as connection:
            (check_result,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if check_result != "ok":
                raise LakeError(str(catalog), f"is damaged ({check_result.splitlines()[-1]})", fix)
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if "iceberg_tables" not in names:
                return {}
            rows = connection.execute("SELECT table_namespace, table_name, metadata_location FROM iceberg_tables")
            return {
                f"{namespace}/{table}": location.removeprefix("file://").removeprefix("file:")
                for namespace, table, location in rows
            }
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            # `where` is the lake, not catalog.db: `restore_catalog` must not replace a catalogue that is in use.
            raise LakeError(str(catalog.parent), f"its catalogue is in use ({error})", IN_USE_FIX) from None
        raise LakeError(str(catalog), f"cannot be read ({error})", fix) from None
    except sqlite3.Error as error:
        raise LakeError(str(catalog), f"cannot be read ({error})", fix) from None


def _connect(catalog: Path) -> sqlite3.Connection:
    """A read-only connection that includes the write-ahead log; in a read-only folder SQLite cannot look for one."""
    mode = "mode=ro" if os.access(catalog.parent, os.W_OK) else "immutable=1"
    return sqlite3.connect(f"file:{quote(str(catalog))}?{mode}", uri=True, timeout=LOCK_TIMEOUT_S)


def _check_locations(root: Path, locations: dict[str, str]) -> None:
    for table, location in locations.items():
        old_root, metadata_part, _ = location.rpartition(f"/tables/{table}/metadata/")
        if metadata_part and not is_same_folder(Path(old_root), root):
            raise moved_lake_error(root, Path(old_root))
        if not Path(location).exists():
            fix = f"check that the disk of {root / 'tables'} is mounted and sound, or restore the folder from a backup"
            raise LakeError(location, f"is missing, but {root / CATALOG_FILE} names it as the state of {table}", fix)


def moved_lake_error(root: Path, old_root: Path) -> LakeError:
    """Return the error of a moved or copied lake: tables name their files by full path, in the former folder."""
    if old_root.exists():
        what = f"is a copy of {old_root}: its tables name their files there, and would be read and written there"
        return LakeError(
            _lake_label(str(root)),
            what,
            f"set FRESHET_LAKE={shlex.quote(str(old_root))}, or land the files in a new lake",
        )
    what = f"was moved here from {old_root}: its tables name their files by their full path there"
    link_command = f"`ln -s {shlex.quote(str(root))} {shlex.quote(str(old_root))}`"
    return LakeError(_lake_label(str(root)), what, f"move it back, or make the old name a link to it ({link_command})")


def is_same_folder(other: Path, root: Path) -> bool:
    """Return whether both paths are the same folder."""
    return other == root or (other.exists() and root.exists() and other.samefile(root))


def _lake_contents(root: Path) -> str:
    """`7 tables, 1 release, records of days`; "" for a lake without published data."""
    tables = sum(map(_has_commit, _list_folder(root / "tables" / "shop")))
    days = any(_has_snapshot(path) for table in _list_folder(root / "days") for path in _list_folder(table))
    releases = sum(path.suffix == ".json" and path.stem.isdecimal() for path in _list_folder(root / "releases"))
    phrases = [
        f"{count} {name}{'s' * (count > 1)}" for count, name in ((tables, "table"), (releases, "release")) if count
    ]
    return ", ".join([*phrases, *(["records of days"] if days else [])])


def _has_commit(table: Path) -> bool:
    """Whether the table was written to: a killed run may leave a first version that is not in the catalogue."""
    return any(not path.name.startswith("00000-") for path in (table / "metadata").glob("*.metadata.json"))


def _has_snapshot(record: Path) -> bool:
    """Whether the record has a snapshot: a day can be refused before any table is written."""
    try:
        return json.loads(record.read_bytes())["snapshot"] is not None
    except (ValueError, KeyError, OSError):
        return False


def _list_folder(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _restore_fix(root: str) -> str:
    return (
        f"check that the lake's own disk is mounted at {root}; "
        f"else restore {CATALOG_FILE} from a backup, or from the tables: {RESTORE_COMMAND}"
    )


def _lake_label(root: str) -> str:
    return f"{root} (FRESHET_LAKE)"
