"""Columns of text, in memory and packed for files: each value takes its own length, unlike numpy's padded strings."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

TextArray: TypeAlias = "NDArray[Any]"  # (n,) of str, dtype object; numpy's `str_` pads every value to the longest

BYTES_PREFIX, ENDS_PREFIX = "utf8-", "ends-"  # prefixes of a packed column's two arrays
_NO_TEXT: Final = ""


def text_array(values: Iterable[str | None]) -> TextArray:
    """Return (n,) the values, "" for None."""
    strings = [_NO_TEXT if value is None else str(value) for value in values]
    column = np.empty(len(strings), dtype=object)
    column[:] = strings
    return column


def blank_texts(count: int) -> TextArray:
    """Return (count,) empty texts."""
    return np.full(count, _NO_TEXT, dtype=object)


def pack_texts(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the arrays as files hold them: a text column as concatenated UTF-8 bytes and their end offsets."""
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
    """Reverse `pack_texts`; also reads files of earlier versions, which hold text as numpy's `str_`."""
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
