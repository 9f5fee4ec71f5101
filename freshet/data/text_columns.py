"""Columns of text in memory and in files. Each value takes what it needs: one long title must not widen all others."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

TextArray: TypeAlias = (
    "NDArray[Any]"  # (n,) of str, dtype object; numpy's own type of text pads every value to the longest
)

BYTES_PREFIX, ENDS_PREFIX = "utf8-", "ends-"  # before the name of a column of text in a file
_NO_TEXT: Final = ""


def text_array(values: Iterable[str | None]) -> TextArray:
    """(n,) the values; "" for None."""
    strings = [_NO_TEXT if value is None else str(value) for value in values]
    column = np.empty(len(strings), dtype=object)
    column[:] = strings
    return column


def blank_texts(count: int) -> TextArray:
    """(count,) of ""."""
    return np.full(count, _NO_TEXT, dtype=object)


def pack_texts(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The arrays as files hold them: a column of text as its bytes in UTF-8, end to end, and where each value ends."""
    flat: dict[str, NDArray[Any]] = {}
    for name, values in arrays.items():
        if values.dtype.kind not in "OU":
            flat[name] = values
            continue
        parts = [str(value).encode() for value in values.tolist()]
        flat[f"{BYTES_PREFIX}{name}"] = np.frombuffer(b"".join(parts), dtype=np.uint8)
        flat[f"{ENDS_PREFIX}{name}"] = np.cumsum([len(part) for part in parts], dtype=np.int64)
    return flat


def unpack_texts(flat: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The arrays that `packed` was given, or that a file of an older Freshet holds, which has text as numpy has it."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, values in flat.items():
        if name.startswith(BYTES_PREFIX):
            column = name.removeprefix(BYTES_PREFIX)
            arrays[column] = _decode_texts(values.tobytes(), flat[f"{ENDS_PREFIX}{column}"].tolist())
        elif not name.startswith(ENDS_PREFIX):
            arrays[name] = text_array(values.tolist()) if values.dtype.kind == "U" else values
    return arrays


def _decode_texts(content: bytes, ends: list[int]) -> TextArray:
    starts = [0, *ends[:-1]] if ends else []
    return text_array(content[start:end].decode() for start, end in zip(starts, ends, strict=True))
