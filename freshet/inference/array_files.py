"""Read arrays of a bundle's npz files: no pickles, large arrays memory-mapped, errors that name the file."""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from zipfile import ZIP_STORED, BadZipFile

import numpy as np
from numpy.typing import NDArray

from freshet.errors import BundleError
from freshet.inference.manifest import REBUILD_FIX

MIN_MMAP_BYTES: Final = 1 << 24  # smaller arrays are read into memory
ZIP_LENGTHS_OFFSET: Final = 26  # of the two length fields (name, extra field) in a local zip header


def load_arrays(path: Path, names: Sequence[str], description: str) -> list[NDArray[Any]]:
    """Return the arrays with these names, in this order.

    description: the file's intended content, for the BundleError if it holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return [_load_array(path, file, name) for name in names]
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise BundleError(str(path), f"it does not hold {description} ({error})", REBUILD_FIX) from None


def array_names(path: Path, description: str) -> list[str]:
    """Return the names of the file's arrays. Raises BundleError like `load_arrays`."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return list(file.files)
    except (OSError, ValueError, BadZipFile) as error:
        raise BundleError(str(path), f"it does not hold {description} ({error})", REBUILD_FIX) from None


def _load_array(path: Path, file: Any, name: str) -> NDArray[Any]:
    """Return one array of an npz file, memory-mapped if it is large and stored without compression."""
    entry = file.zip.NameToInfo.get(f"{name}.npy")
    if entry is None or entry.compress_type != ZIP_STORED or entry.file_size < MIN_MMAP_BYTES:
        return np.asarray(file[name])
    with path.open("rb") as stream:
        stream.seek(entry.header_offset + ZIP_LENGTHS_OFFSET)
        name_length, extra_length = struct.unpack("<HH", stream.read(4))
        stream.seek(name_length + extra_length, 1)
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read_header(stream)
        if dtype.hasobject:
            raise ValueError("it holds Python objects")
        return np.asarray(np.memmap(path, dtype, "r", stream.tell(), shape, "F" if fortran else "C"))
