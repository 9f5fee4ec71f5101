"""Plain arrays out of a bundle's npz files: no pickles, and an error that names the file."""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from zipfile import ZIP_STORED, BadZipFile

import numpy as np
from numpy.typing import NDArray

from freshet.errors import BundleError
from freshet.inference.manifest import REBUILD_FIX

MIN_MMAP_BYTES: Final = 1 << 24  # bytes from which on an array is mapped
ZIP_LENGTHS_OFFSET: Final = 26  # bytes into a zip entry's header: the lengths of its name and of what follows it


def load_arrays(path: Path, names: Sequence[str], description: str) -> list[NDArray[Any]]:
    """The arrays of these names, in this order. meant: what the file should be, for the BundleError when it is not."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return [_load_array(path, file, name) for name in names]
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise BundleError(str(path), f"it does not hold {description} ({error})", REBUILD_FIX) from None


def array_names(path: Path, description: str) -> list[str]:
    """What the arrays are called. Raises BundleError as `read_arrays` does."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return list(file.files)
    except (OSError, ValueError, BadZipFile) as error:
        raise BundleError(str(path), f"it does not hold {description} ({error})", REBUILD_FIX) from None


def _load_array(path: Path, file: Any, name: str) -> NDArray[Any]:
    """One array of an npz file: mapped where it is large and lies in it as it is, so that no process holds a copy."""
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
