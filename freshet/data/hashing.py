"""Words, categories, prices and flags as small numbers: hashed or cut into bands, never looked up.

So an item nobody has seen has its numbers too, and they are the same on every machine and in every run.
"""

import hashlib
import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.data.history import Ints

MAX_TITLE_WORDS: Final = 12  # words of a text that count
N_NUMBER_BUCKETS: Final = 16  # of a number; 0 = unknown
TRUE_WORDS: Final = frozenset({"1", "true", "yes", "y", "t", "on"})
FALSE_WORDS: Final = frozenset({"0", "false", "no", "n", "f", "off"})


def hash_bucket(text: str, n_buckets: int) -> int:
    """1 … buckets - 1, the same on every machine and in every run (blake2b, unlike Python's `hash`)."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return 1 + int.from_bytes(digest, "little") % (n_buckets - 1)


def title_words(title: str) -> list[str]:
    """The first TITLE_WORDS different words of a title, in lower case."""
    return list(dict.fromkeys(re.findall(r"\w+", title.lower())))[:MAX_TITLE_WORDS]


def number_buckets(values: NDArray[np.float64]) -> Ints:
    """Half powers of ten: 0 = unknown, 1 = up to 0.1, …, cut to BANDS - 1."""
    positive = np.where(np.isfinite(values) & (values > 0), values, 0.1)
    buckets = np.clip(np.floor(2 * np.log10(positive)).astype(np.int64) + 4, 1, N_NUMBER_BUCKETS - 1)
    return np.where(np.isfinite(values), buckets, 0)


def parse_number(text: str) -> float:
    """What a text says as a number, with a point or a comma; NaN where it says none."""
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return float("nan")


def parse_flag(text: str) -> int:
    """0 = unknown, 1 = no, 2 = yes."""
    word = text.strip().lower()
    return 2 if word in TRUE_WORDS else 1 if word in FALSE_WORDS else 0
