"""The manifest: what is in a bundle and where it came from. Its hash is the bundle's name."""

import hashlib
import json
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from freshet.columns import EventType
from freshet.errors import BundleError
from freshet.item_inputs import Schema
from freshet.neighbourhood import NO_BLEND, Blend

SCHEMA_VERSION: Final = 1
MANIFEST: Final = "manifest.json"
REBUILD: Final = (
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
    length: int  # events of a history that the model reads
    event_type: EventType  # the most frequent one it was trained on: what items named without a type mean
    item_inputs: Schema | None = None  # what the item encoder reads, in its order; None: sealed before it was told
    blend: Blend = NO_BLEND  # how the tables of the baselines are mixed into the model's scores
    lineage: dict[str, JsonValue]  # table snapshots and whatever else it was made from
    parameters: dict[str, JsonValue]  # how it was trained
    metrics: dict[str, JsonValue]  # how training went
    files: dict[str, FileEntry]

    def canonical(self) -> bytes:
        """Sorted keys, no spaces: the same manifest gives the same bytes everywhere."""
        content = self.model_dump(mode="json")
        return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def seal(
    folder: Path,
    *,
    created_by: str,
    precision: Precision,
    length: int,
    event_type: EventType = "view",
    item_inputs: Schema | None = None,
    blend: Blend = NO_BLEND,
    lineage: dict[str, JsonValue],
    parameters: dict[str, JsonValue],
    metrics: dict[str, JsonValue],
) -> str:
    """Write `manifest.json` over all other files of `folder`; from here on nothing in it may change.

    Returns the bundle's id: the sha256 of the manifest as written, which holds every file's own.
    """
    files = {path.name: entry(path) for path in sorted(folder.iterdir()) if path.name != MANIFEST}
    manifest = Manifest(
        created_by=created_by,
        precision=precision,
        length=length,
        event_type=event_type,
        item_inputs=item_inputs,
        blend=blend,
        lineage=lineage,
        parameters=parameters,
        metrics=metrics,
        files=files,
    )
    (folder / MANIFEST).write_bytes(manifest.canonical())
    return hashlib.sha256(manifest.canonical()).hexdigest()


def entry(path: Path) -> FileEntry:
    """Size and sha256 of a file."""
    with path.open("rb") as file:
        return FileEntry(sha256=hashlib.file_digest(file, "sha256").hexdigest(), bytes=path.stat().st_size)


def verified(folder: Path, bundle: str | None = None) -> tuple[str, Manifest]:
    """(id, manifest) of a bundle folder in which every byte is as it was sealed.

    bundle: the id it must have. Raises BundleError naming the file that is missing, changed or not understood.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise BundleError(str(folder), "there is no manifest.json, so this is no bundle", REBUILD)
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if bundle is not None and found != bundle:
        raise BundleError(str(path), f"its hash is {found[:12]}, the bundle's name is {bundle[:12]}", REBUILD)
    manifest = _parse(path, content)
    for name, sealed in manifest.files.items():
        _verify(folder / name, sealed)
    return found, manifest


def _parse(path: Path, content: bytes) -> Manifest:
    try:
        version = json.loads(content)["schema_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(str(path), f"it is not a manifest ({error})", REBUILD) from None
    if version != SCHEMA_VERSION:
        what = f"schema version {version}, this Freshet reads {SCHEMA_VERSION}"
        raise BundleError(str(path), what, "install the Freshet that wrote it, or " + REBUILD)
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors())
        raise BundleError(str(path), wrong, REBUILD) from None


def _verify(path: Path, sealed: FileEntry) -> None:
    if not path.is_file():
        raise BundleError(str(path), "the file is missing", REBUILD)
    found = entry(path)
    if found.bytes != sealed.bytes:
        raise BundleError(str(path), f"it has {found.bytes} bytes, sealed were {sealed.bytes}", REBUILD)
    if found.sha256 != sealed.sha256:
        what = f"its content has changed (sha256 {found.sha256[:12]}, sealed was {sealed.sha256[:12]})"
        raise BundleError(str(path), what, REBUILD)
