"""The manifest: what is in a bundle and where it came from. Its hash is the bundle's name."""

import hashlib
import json
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from freshet.data.columns import EventType
from freshet.data.knn_blend import NO_BLEND, KnnBlend
from freshet.errors import BundleError
from freshet.item_schema import ItemSchema

SCHEMA_VERSION: Final = 1
MANIFEST: Final = "manifest.json"
REBUILD_FIX: Final = (
    'materialize the asset `bundle` again, or go back to a release that is whole: `freshet rollback --why "…"`'
)

Precision = Literal["fp32", "fp16", "int8"]


class FileEntry(BaseModel):
    """One file of the bundle as it was sealed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    bytes: int


class Manifest(BaseModel):
    """Everything that is known of a bundle. Two bundles with equal manifests are the same bundle."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA_VERSION
    created_by: str  # the code's version
    precision: Precision  # of the shopper encoder that serves
    max_history: int  # events of a history that the model reads
    event_type: EventType  # the most frequent one it was trained on: what items named without a type mean
    item_schema: ItemSchema | None = None  # what the item encoder reads, in its order; None: sealed before it was told
    blend: KnnBlend = NO_BLEND  # how the tables of the baselines are mixed into the model's scores
    lineage: dict[str, JsonValue]  # table snapshots and whatever else it was made from
    parameters: dict[str, JsonValue]  # how it was trained
    metrics: dict[str, JsonValue]  # how training went
    files: dict[str, FileEntry]

    def canonical_json(self) -> bytes:
        """Sorted keys, no spaces: the same manifest gives the same bytes everywhere."""
        content = self.model_dump(mode="json")
        return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def write_manifest(
    folder: Path,
    *,
    created_by: str,
    precision: Precision,
    max_history: int,
    event_type: EventType = "view",
    item_schema: ItemSchema | None = None,
    blend: KnnBlend = NO_BLEND,
    lineage: dict[str, JsonValue],
    parameters: dict[str, JsonValue],
    metrics: dict[str, JsonValue],
) -> str:
    """Write `manifest.json` over all other files of `folder`; from here on nothing in it may change.

    Returns the bundle's id: the sha256 of the manifest as written, which holds every file's own.
    """
    files = {path.name: file_entry(path) for path in sorted(folder.iterdir()) if path.name != MANIFEST}
    manifest = Manifest(
        created_by=created_by,
        precision=precision,
        max_history=max_history,
        event_type=event_type,
        item_schema=item_schema,
        blend=blend,
        lineage=lineage,
        parameters=parameters,
        metrics=metrics,
        files=files,
    )
    (folder / MANIFEST).write_bytes(manifest.canonical_json())
    return hashlib.sha256(manifest.canonical_json()).hexdigest()


def file_entry(path: Path) -> FileEntry:
    """Size and sha256 of a file."""
    with path.open("rb") as file:
        return FileEntry(sha256=hashlib.file_digest(file, "sha256").hexdigest(), bytes=path.stat().st_size)


def load_verified_manifest(folder: Path, bundle_id: str | None = None) -> tuple[str, Manifest]:
    """(id, manifest) of a bundle folder in which every byte is as it was sealed.

    bundle: the id it must have. Raises BundleError naming the file that is missing, changed or not understood.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise BundleError(str(folder), "there is no manifest.json, so this is no bundle", REBUILD_FIX)
    content = path.read_bytes()
    actual_id = hashlib.sha256(content).hexdigest()
    if bundle_id is not None and actual_id != bundle_id:
        raise BundleError(
            str(path), f"its hash is {actual_id[:12]}, the bundle's name is {bundle_id[:12]}", REBUILD_FIX
        )
    manifest = _parse_manifest(path, content)
    for name, expected in manifest.files.items():
        _verify_file(folder / name, expected)
    return actual_id, manifest


def _parse_manifest(path: Path, content: bytes) -> Manifest:
    try:
        version = json.loads(content)["schema_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(str(path), f"it is not a manifest ({error})", REBUILD_FIX) from None
    if version != SCHEMA_VERSION:
        what = f"schema version {version}, this Freshet reads {SCHEMA_VERSION}"
        raise BundleError(str(path), what, "install the Freshet that wrote it, or " + REBUILD_FIX)
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors())
        raise BundleError(str(path), problems, REBUILD_FIX) from None


def _verify_file(path: Path, expected: FileEntry) -> None:
    if not path.is_file():
        raise BundleError(str(path), "the file is missing", REBUILD_FIX)
    actual = file_entry(path)
    if actual.bytes != expected.bytes:
        raise BundleError(str(path), f"it has {actual.bytes} bytes, sealed were {expected.bytes}", REBUILD_FIX)
    if actual.sha256 != expected.sha256:
        what = f"its content has changed (sha256 {actual.sha256[:12]}, sealed was {expected.sha256[:12]})"
        raise BundleError(str(path), what, REBUILD_FIX)
