"""An immutable folder of plain arrays, sealed by a manifest whose hash is its name; read through memory maps."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freshet.data.text_columns import pack_texts, unpack_texts
from freshet.errors import BundleError
from freshet.inference.manifest import file_entry

MANIFEST: Final = "manifest.json"


def save_array_folder(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str], folder: Path) -> str:
    """Write a file per array and the manifest, which holds the facts, too; the id is the manifest's hash."""
    arrays = pack_texts(arrays)
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values, allow_pickle=False)
    files = {f"{name}.npy": file_entry(folder / f"{name}.npy").model_dump() for name in arrays}
    manifest = json.dumps({**metadata, "files": files}, sort_keys=True, separators=(",", ":")).encode()
    (folder / MANIFEST).write_bytes(manifest)
    return hashlib.sha256(manifest).hexdigest()


def open_array_folder(folder: Path, folder_id: str, fix: str) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    """(facts, arrays) of the folder whose id must be `name`; every byte is read once, about a second per GB.

    remake: what to do where that fails. Raises BundleError where a file is missing or any byte of it has changed.
    """
    path = folder / MANIFEST
    manifest = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(manifest).hexdigest() != folder_id:
        raise BundleError(str(path), f"is missing, or is not the manifest of {folder_id[:12]}", fix)
    metadata = json.loads(manifest)
    files = metadata.pop("files")
    for file, expected in files.items():
        if not (folder / file).is_file() or (folder / file).stat().st_size != expected["bytes"]:
            raise BundleError(str(folder / file), f"is missing, or has not the {expected['bytes']} bytes sealed", fix)
        if file_entry(folder / file).sha256 != expected["sha256"]:
            raise BundleError(str(folder / file), "has changed since it was sealed", fix)
    mapped_arrays = {Path(file).stem: np.load(folder / file, mmap_mode="r", allow_pickle=False) for file in files}
    return metadata, unpack_texts(mapped_arrays)
