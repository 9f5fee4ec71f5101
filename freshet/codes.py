"""Words, categories, prices and flags as small numbers: hashed or cut into bands, never looked up.

So an item nobody has seen has its numbers too, and they are the same on every machine and in every run.
"""

import hashlib
import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.history import Ints

TITLE_WORDS: Final = 12  # words of a text that count
BANDS: Final = 16  # of a number; 0 = unknown
YES: Final = frozenset({"1", "true", "yes", "y", "t", "on"})
NO: Final = frozenset({"0", "false", "no", "n", "f", "off"})


def bucket(text: str, buckets: int) -> int:
    """1 … buckets - 1, the same on every machine and in every run (blake2b, unlike Python's `hash`)."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return 1 + int.from_bytes(digest, "little") % (buckets - 1)


def title_words(title: str) -> list[str]:
    """The first TITLE_WORDS different words of a title, in lower case."""
    return list(dict.fromkeys(re.findall(r"\w+", title.lower())))[:TITLE_WORDS]


def bands(numbers: NDArray[np.float64]) -> Ints:
    """Half powers of ten: 0 = unknown, 1 = up to 0.1, …, cut to BANDS - 1."""
    safe = np.where(np.isfinite(numbers) & (numbers > 0), numbers, 0.1)
    found = np.clip(np.floor(2 * np.log10(safe)).astype(np.int64) + 4, 1, BANDS - 1)
    return np.where(np.isfinite(numbers), found, 0)


def number(text: str) -> float:
    """What a text says as a number, with a point or a comma; NaN where it says none."""
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return float("nan")


def flag(text: str) -> int:
    """0 = unknown, 1 = no, 2 = yes."""
    said = text.strip().lower()
    return 2 if said in YES else 1 if said in NO else 0
