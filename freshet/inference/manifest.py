"""The manifest of a bundle: its files with their hashes, and its origin. The manifest's own hash is the bundle's id."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final, Literal

from pydantic import ConfigDict, JsonValue, ValidationError

from freshet.artifacts import StoredModel
from freshet.data.columns import EventType
from freshet.data.knn_blend import NO_BLEND, KnnBlend
from freshet.errors import BundleError
from freshet.item_schema import ItemSchema

SCHEMA_VERSION: Final = 1
MANIFEST: Final = "manifest.json"
REBUILD_FIX: Final = (
    'materialize the asset `bundle` again, or go back to an intact release: `freshet rollback --why "…"`'
)

Precision = Literal["fp32", "fp16", "int8"]


class FileEntry(StoredModel):
    """Size and hash of one file of the bundle."""

    model_config = ConfigDict(extra="forbid")

    sha256: str
    bytes: int


class BundleInfo(StoredModel):
    """Everything about a bundle except its files: how to read it, and how it was trained."""

    model_config = ConfigDict(extra="forbid")

    former_names: ClassVar[Mapping[str, str]] = {"max_history": "length", "item_schema": "item_inputs"}

    schema_version: int = SCHEMA_VERSION
    created_by: str  # version of the code
    precision: Precision  # of the shopper encoder that is served
    max_history: int  # events of a history that the encoder reads
    event_type: EventType = "view"  # the most frequent one in training: the default for requests that name no type
    item_schema: ItemSchema | None = None  # inputs of the item encoder, in order; None in older bundles without it
    blend: KnnBlend = NO_BLEND  # how item kNN and sequential rules are mixed into the encoder's scores
    lineage: dict[str, JsonValue]  # model id, table snapshots, days
    parameters: dict[str, JsonValue]  # of the training
    metrics: dict[str, JsonValue]  # of the training, and the parity results


class Manifest(BundleInfo):
    """The content of `manifest.json`. Two bundles with equal manifests are the same bundle."""

    files: dict[str, FileEntry]

    @property
    def info(self) -> BundleInfo:
        """The manifest without its files, to seal another bundle with."""
        return BundleInfo(**{name: getattr(self, name) for name in BundleInfo.model_fields})

    def canonical_json(self) -> bytes:
        """JSON with sorted keys and no spaces: the same manifest gives the same bytes on every machine."""
        content = self.model_dump(mode="json")
        return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def write_manifest(folder: Path, info: BundleInfo) -> str:
    """Seal `folder`: write `manifest.json` over all its other files, which must not change from here on.

    Returns the bundle's id: the sha256 of the manifest, which holds the sha256 of every file.
    """
    files = {path.name: file_entry(path) for path in sorted(folder.iterdir()) if path.name != MANIFEST}
    manifest = Manifest(**dict(info), files=files)
    (folder / MANIFEST).write_bytes(manifest.canonical_json())
    return hashlib.sha256(manifest.canonical_json()).hexdigest()


def file_entry(path: Path) -> FileEntry:
    """Return size and sha256 of a file."""
    with path.open("rb") as file:
        return FileEntry(sha256=hashlib.file_digest(file, "sha256").hexdigest(), bytes=path.stat().st_size)


def load_verified_manifest(folder: Path, bundle_id: str | None = None) -> tuple[str, Manifest]:
    """Return (id, manifest) of a bundle folder, after comparing every file with its hash.

    bundle_id: the expected id. Raises BundleError naming the file that is missing, changed or not readable.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise BundleError(str(folder), "there is no manifest.json, so this is no bundle", REBUILD_FIX)
    content = path.read_bytes()
    actual_id = hashlib.sha256(content).hexdigest()
    if bundle_id is not None and actual_id != bundle_id:
        what = f"its hash is {actual_id[:12]}, the bundle's name is {bundle_id[:12]}"
        raise BundleError(str(path), what, REBUILD_FIX)
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
        raise BundleError(str(path), f"it has {actual.bytes} bytes instead of {expected.bytes}", REBUILD_FIX)
    if actual.sha256 != expected.sha256:
        what = f"its content has changed (sha256 {actual.sha256[:12]} instead of {expected.sha256[:12]})"
        raise BundleError(str(path), what, REBUILD_FIX)
