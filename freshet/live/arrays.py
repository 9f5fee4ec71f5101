"""Plain arrays out of a bundle's npz files: no pickles, and an error that names the file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from freshet.errors import BundleError
from freshet.live.manifest import REBUILD


def read_arrays(path: Path, names: Sequence[str], meant: str) -> list[NDArray[Any]]:
    """The arrays of these names, in this order. meant: what the file should be, for the BundleError when it is not."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return [file[name] for name in names]
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise BundleError(str(path), f"it does not hold {meant} ({error})", REBUILD) from None


def array_names(path: Path, meant: str) -> list[str]:
    """What the arrays are called. Raises BundleError as `read_arrays` does."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return list(file.files)
    except (OSError, ValueError, BadZipFile) as error:
        raise BundleError(str(path), f"it does not hold {meant} ({error})", REBUILD) from None
