"""An immutable folder of .npy arrays, named by the hash of its manifest; read through memory maps."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from freshet.artifacts import ArtifactRef, published
from freshet.data.text_columns import pack_texts, unpack_texts
from freshet.errors import BundleError
from freshet.inference.manifest import file_entry
from freshet.store import Store

MANIFEST: Final = "manifest.json"
Artifact = TypeVar("Artifact")


def load_published(
    store: Store, asset: str, ref_type: type[ArtifactRef], cache_dir: Path, open_folder: Callable[[Path, str], Artifact]
) -> Artifact | None:
    """Return the array folder that `asset` published last, None before the first.

    cache_dir: where a remote lake's folders are copied to. open_folder: takes the local folder and its id.
    Raises LakeError or BundleError if it cannot be read.
    """
    ref = published(store, asset, ref_type)
    if ref is None:
        return None
    return open_folder(store.fetch_folder(f"{asset}/{ref.id}", cache_dir.expanduser()), ref.id)


def save_array_folder(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str], folder: Path) -> str:
    """Write one file per array and the manifest, which also holds `metadata`; return the manifest's hash, the id."""
    arrays = pack_texts(arrays)
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values, allow_pickle=False)
    files = {f"{name}.npy": file_entry(folder / f"{name}.npy").model_dump() for name in arrays}
    manifest = json.dumps({**metadata, "files": files}, sort_keys=True, separators=(",", ":")).encode()
    (folder / MANIFEST).write_bytes(manifest)
    return hashlib.sha256(manifest).hexdigest()


def open_array_folder(folder: Path, folder_id: str, fix: str) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    """Return (metadata, arrays) of a folder; every byte is read once to compare its hash, about a second per GB.

    fix: the remedy that an error names. Raises BundleError if a file is missing or any byte of it has changed.
    """
    path = folder / MANIFEST
    manifest = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(manifest).hexdigest() != folder_id:
        raise BundleError(str(path), f"is missing, or is not the manifest of {folder_id[:12]}", fix)
    metadata = json.loads(manifest)
    files = metadata.pop("files")
    for file, expected in files.items():
        if not (folder / file).is_file() or (folder / file).stat().st_size != expected["bytes"]:
            raise BundleError(str(folder / file), f"is missing, or does not have {expected['bytes']} bytes", fix)
        if file_entry(folder / file).sha256 != expected["sha256"]:
            raise BundleError(str(folder / file), "has changed since it was sealed", fix)
    mapped_arrays = {Path(file).stem: np.load(folder / file, mmap_mode="r", allow_pickle=False) for file in files}
    return metadata, unpack_texts(mapped_arrays)
