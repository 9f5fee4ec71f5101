"""Columns of text in memory and in files. Each value takes what it needs: one long title must not widen all others."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Texts: TypeAlias = "NDArray[Any]"  # (n,) of str, dtype object; numpy's own type of text pads every value to the longest

BYTES, ENDS = "utf8-", "ends-"  # before the name of a column of text in a file
_NO_TEXT: Final = ""


def texts(values: Iterable[str | None]) -> Texts:
    """(n,) the values; "" for None."""
    listed = [_NO_TEXT if value is None else str(value) for value in values]
    column = np.empty(len(listed), dtype=object)
    column[:] = listed
    return column


def no_texts(count: int) -> Texts:
    """(count,) of ""."""
    return np.full(count, _NO_TEXT, dtype=object)


def packed(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The arrays as files hold them: a column of text as its bytes in UTF-8, end to end, and where each value ends."""
    flat: dict[str, NDArray[Any]] = {}
    for name, values in arrays.items():
        if values.dtype.kind not in "OU":
            flat[name] = values
            continue
        parts = [str(value).encode() for value in values.tolist()]
        flat[f"{BYTES}{name}"] = np.frombuffer(b"".join(parts), dtype=np.uint8)
        flat[f"{ENDS}{name}"] = np.cumsum([len(part) for part in parts], dtype=np.int64)
    return flat


def unpacked(flat: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The arrays that `packed` was given, or that a file of an older Freshet holds, which has text as numpy has it."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, values in flat.items():
        if name.startswith(BYTES):
            column = name.removeprefix(BYTES)
            arrays[column] = _column(values.tobytes(), flat[f"{ENDS}{column}"].tolist())
        elif not name.startswith(ENDS):
            arrays[name] = texts(values.tolist()) if values.dtype.kind == "U" else values
    return arrays


def _column(content: bytes, ends: list[int]) -> Texts:
    starts = [0, *ends[:-1]] if ends else []
    return texts(content[start:end].decode() for start, end in zip(starts, ends, strict=True))
