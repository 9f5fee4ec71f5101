"""Restore the lake's catalogue: register each table with the latest metadata in its own folder."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from freshet.errors import LakeError
from freshet.lake_checks import CATALOG_FILE, check_lake, is_same_folder, moved_lake_error, require_lake
from freshet.store import open_store
from freshet.tables.day_records import last_attempt

BACKUP_FIX: Final = "restore the lake from a backup"


@dataclass(frozen=True)
class RestoredTable:
    """A table of the restored catalogue. modified_at: when its metadata was written, UTC."""

    name: str
    metadata: Path
    modified_at: datetime


def restore_catalog(root: str) -> tuple[RestoredTable, ...]:
    """Write a new `catalog.db` if it is missing, damaged or empty; a damaged one is kept beside it.

    Raises LakeError, and changes nothing, if the catalogue is sound, if there is no table to register, or if a table's
    latest metadata is uncertain.
    """
    require_lake(root)
    if "://" in root:
        raise LakeError(root, "its catalogue is not a file on this machine", BACKUP_FIX)
    _require_broken_catalog(root)
    tables = tuple(map(_latest_metadata, sorted((Path(root) / "tables" / "shop").glob("*/metadata"))))
    if not tables:
        raise LakeError(f"{root}/tables", "there is no table to register in a catalogue", BACKUP_FIX)
    for table in tables:
        _check_metadata(Path(root), table)
    new_catalog = Path(root) / f"{CATALOG_FILE}.new"
    new_catalog.unlink(missing_ok=True)
    _register_tables(root, new_catalog, tables)
    _back_up_catalog(Path(root))
    new_catalog.rename(Path(root) / CATALOG_FILE)
    return tables


def _require_broken_catalog(root: str) -> None:
    try:
        check_lake(root)
    except LakeError as error:
        if CATALOG_FILE in error.where:
            return
        raise
    raise LakeError(f"{root}/{CATALOG_FILE}", "there is nothing to restore: it is sound", "leave it as it is")


def _latest_metadata(folder: Path) -> RestoredTable:
    """The metadata with the highest version. A run that is killed before its commit can leave two of one version."""
    versions = {path: int(path.name.partition("-")[0]) for path in folder.glob("*-*.metadata.json")}
    table = folder.parent.name
    if not versions:
        raise LakeError(str(folder), "holds no metadata", BACKUP_FIX)
    path, version = max(versions.items(), key=lambda entry: entry[1])
    if Counter(versions.values())[version] > 1:
        what = f"holds more than one metadata of version {version}: which one is the latest is not certain"
        raise LakeError(str(folder), what, BACKUP_FIX)
    modified_at = datetime.fromtimestamp(_read_metadata(path)["last-updated-ms"] / 1000, UTC)
    return RestoredTable(table, path, modified_at)


def _read_metadata(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise LakeError(str(path), f"cannot be read ({error})", BACKUP_FIX) from None
    return content


def _check_metadata(root: Path, table: RestoredTable) -> None:
    """Raise LakeError unless the metadata belongs to this lake and contains the snapshot of the table's last run."""
    content = _read_metadata(table.metadata)
    recorded_root = Path(content["location"].removeprefix("file:").removesuffix(f"/tables/shop/{table.name}"))
    if not is_same_folder(recorded_root, root):
        raise moved_lake_error(root, recorded_root)
    attempt = last_attempt(open_store(str(root)), table.name)
    snapshot_ids = {snapshot["snapshot-id"] for snapshot in content.get("snapshots", ())}
    if attempt is not None and attempt.snapshot is not None and attempt.snapshot not in snapshot_ids:
        what = f"does not contain the snapshot of the last run ({attempt.snapshot}, {attempt.at:%Y-%m-%d %H:%M} UTC)"
        raise LakeError(str(table.metadata), what, BACKUP_FIX)


def _register_tables(root: str, database: Path, tables: tuple[RestoredTable, ...]) -> None:
    from pyiceberg.catalog.sql import SqlCatalog

    catalog = SqlCatalog("lake", uri=f"sqlite:///{database}", warehouse=f"{root}/tables")
    catalog.create_namespace("shop")
    for table in tables:
        catalog.register_table(("shop", table.name), str(table.metadata))
    catalog.close()


def _back_up_catalog(root: Path) -> None:
    """Rename `catalog.db` to `catalog.db.2024-03-01T100000`, with its write-ahead log."""
    timestamp = f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}"
    for suffix in ("", "-wal", "-shm"):
        file = root / f"{CATALOG_FILE}{suffix}"
        if file.exists():
            file.rename(root / f"{CATALOG_FILE}.{timestamp}{suffix}")
