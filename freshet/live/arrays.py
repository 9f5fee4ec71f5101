"""Plain arrays out of a bundle's npz files: no pickles, and an error that names the file."""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from zipfile import ZIP_STORED, BadZipFile

import numpy as np
from numpy.typing import NDArray

from freshet.errors import BundleError
from freshet.live.manifest import REBUILD

MAPPED: Final = 1 << 24  # bytes from which on an array is mapped
NAME_AND_EXTRA: Final = 26  # bytes into a zip entry's header: the lengths of its name and of what follows it


def read_arrays(path: Path, names: Sequence[str], meant: str) -> list[NDArray[Any]]:
    """The arrays of these names, in this order. meant: what the file should be, for the BundleError when it is not."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return [_array(path, file, name) for name in names]
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise BundleError(str(path), f"it does not hold {meant} ({error})", REBUILD) from None


def array_names(path: Path, meant: str) -> list[str]:
    """What the arrays are called. Raises BundleError as `read_arrays` does."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return list(file.files)
    except (OSError, ValueError, BadZipFile) as error:
        raise BundleError(str(path), f"it does not hold {meant} ({error})", REBUILD) from None


def _array(path: Path, file: Any, name: str) -> NDArray[Any]:
    """One array of an npz file: mapped where it is large and lies in it as it is, so that no process holds a copy."""
    entry = file.zip.NameToInfo.get(f"{name}.npy")
    if entry is None or entry.compress_type != ZIP_STORED or entry.file_size < MAPPED:
        return np.asarray(file[name])
    with path.open("rb") as content:
        content.seek(entry.header_offset + NAME_AND_EXTRA)
        name_length, extra_length = struct.unpack("<HH", content.read(4))
        content.seek(name_length + extra_length, 1)
        version = np.lib.format.read_magic(content)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(content)
        if dtype.hasobject:
            raise ValueError("it holds Python objects")
        return np.asarray(np.memmap(path, dtype, "r", content.tell(), shape, "F" if fortran else "C"))
