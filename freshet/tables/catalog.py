"""The catalogue made again: each table is entered with the last metadata that its own folder holds."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from freshet.days import last_attempt
from freshet.errors import LakeError
from freshet.lake_state import CATALOG, check_lake, is_same_folder, moved, require_lake
from freshet.store import open_store

BACKUP: Final = "restore the lake from a backup"


@dataclass(frozen=True)
class RestoredTable:
    """A table as it stands in the new catalogue. changed: UTC, when its metadata was written."""

    name: str
    metadata: Path
    changed: datetime


def restore_catalog(root: str) -> tuple[RestoredTable, ...]:
    """Make `catalog.db` again where it is missing, damaged or empty; what was there is kept beside it.

    Raises LakeError, and changes nothing, where the catalogue is whole, where there is no table to enter, and where it
    is not certain which metadata is a table's last.
    """
    require_lake(root)
    if "://" in root:
        raise LakeError(root, "its catalogue is no file of this machine", BACKUP)
    _refuse_whole(root)
    tables = tuple(map(_last, sorted((Path(root) / "tables" / "shop").glob("*/metadata"))))
    if not tables:
        raise LakeError(f"{root}/tables", "there is no table to enter into a catalogue", BACKUP)
    for table in tables:
        _check_metadata(Path(root), table)
    new = Path(root) / f"{CATALOG}.new"
    new.unlink(missing_ok=True)
    _register(root, new, tables)
    _set_aside(Path(root))
    new.rename(Path(root) / CATALOG)
    return tables


def _refuse_whole(root: str) -> None:
    try:
        check_lake(root)
    except LakeError as error:
        if CATALOG in error.where:
            return
        raise
    raise LakeError(f"{root}/{CATALOG}", "there is nothing to restore: it is whole", "leave it as it is")


def _last(folder: Path) -> RestoredTable:
    """The metadata with the highest version. Two of one version: a run was killed between writing and entering one."""
    versions = {path: int(path.name.partition("-")[0]) for path in folder.glob("*-*.metadata.json")}
    table = folder.parent.name
    if not versions:
        raise LakeError(str(folder), "holds no metadata", BACKUP)
    path, version = max(versions.items(), key=lambda one: one[1])
    if Counter(versions.values())[version] > 1:
        what = f"holds more than one metadata of version {version}: which is last is not certain"
        raise LakeError(str(folder), what, BACKUP)
    changed = datetime.fromtimestamp(_read(path)["last-updated-ms"] / 1000, UTC)
    return RestoredTable(table, path, changed)


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise LakeError(str(path), f"cannot be read ({error})", BACKUP) from None
    return content


def _check_metadata(root: Path, table: RestoredTable) -> None:
    """It belongs to this place, and knows what the last run of the table wrote."""
    content = _read(table.metadata)
    old = Path(content["location"].removeprefix("file:").removesuffix(f"/tables/shop/{table.name}"))
    if not is_same_folder(old, root):
        raise moved(root, old)
    attempt = last_attempt(open_store(str(root)), table.name)
    known = {snapshot["snapshot-id"] for snapshot in content.get("snapshots", ())}
    if attempt is not None and attempt.snapshot is not None and attempt.snapshot not in known:
        what = f"does not know the snapshot of the last run ({attempt.snapshot}, {attempt.at:%Y-%m-%d %H:%M} UTC)"
        raise LakeError(str(table.metadata), what, BACKUP)


def _register(root: str, database: Path, tables: tuple[RestoredTable, ...]) -> None:
    from pyiceberg.catalog.sql import SqlCatalog

    catalog = SqlCatalog("lake", uri=f"sqlite:///{database}", warehouse=f"{root}/tables")
    catalog.create_namespace("shop")
    for table in tables:
        catalog.register_table(("shop", table.name), str(table.metadata))
    catalog.close()


def _set_aside(root: Path) -> None:
    """`catalog.db` → `catalog.db.2024-03-01T100000`, its write-ahead log with it."""
    stamp = f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}"
    for ending in ("", "-wal", "-shm"):
        old = root / f"{CATALOG}{ending}"
        if old.exists():
            old.rename(root / f"{CATALOG}.{stamp}{ending}")
