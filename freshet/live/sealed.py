"""An immutable folder of plain arrays, sealed by a manifest whose hash is its name; read through memory maps."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freshet.errors import BundleError
from freshet.live.manifest import entry
from freshet.texts import packed, unpacked

MANIFEST: Final = "manifest.json"


def seal_arrays(arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, str], folder: Path) -> str:
    """Write a file per array and the manifest, which holds the facts, too; the id is the manifest's hash."""
    arrays = packed(arrays)
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values, allow_pickle=False)
    files = {f"{name}.npy": entry(folder / f"{name}.npy").model_dump() for name in arrays}
    content = json.dumps({**facts, "files": files}, sort_keys=True, separators=(",", ":")).encode()
    (folder / MANIFEST).write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def open_arrays(folder: Path, name: str, remake: str) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    """(facts, arrays) of the folder whose id must be `name`; every byte is read once, about a second per GB.

    remake: what to do where that fails. Raises BundleError where a file is missing or any byte of it has changed.
    """
    path = folder / MANIFEST
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != name:
        raise BundleError(str(path), f"is missing, or is not the manifest of {name[:12]}", remake)
    facts = json.loads(content)
    files = facts.pop("files")
    for file, sealed in files.items():
        if not (folder / file).is_file() or (folder / file).stat().st_size != sealed["bytes"]:
            raise BundleError(str(folder / file), f"is missing, or has not the {sealed['bytes']} bytes sealed", remake)
        if entry(folder / file).sha256 != sealed["sha256"]:
            raise BundleError(str(folder / file), "has changed since it was sealed", remake)
    mapped = {Path(file).stem: np.load(folder / file, mmap_mode="r", allow_pickle=False) for file in files}
    return facts, unpacked(mapped)
