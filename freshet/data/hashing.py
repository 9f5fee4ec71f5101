"""Feature hashing and bucketing: words, categories, prices and flags as small integers.

No lookup table is needed, so new items are encoded, too, the same on every machine and in every run.
"""

import hashlib
import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.data.history import Ints

MAX_TITLE_WORDS: Final = 12  # words per text; further ones are ignored
N_NUMBER_BUCKETS: Final = 16  # buckets of a number; 0 = unknown
TRUE_WORDS: Final = frozenset({"1", "true", "yes", "y", "t", "on"})
FALSE_WORDS: Final = frozenset({"0", "false", "no", "n", "f", "off"})


def hash_bucket(text: str, n_buckets: int) -> int:
    """Return the hash bucket of a text, 1 … n_buckets - 1; deterministic (blake2b), unlike Python's `hash`."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return 1 + int.from_bytes(digest, "little") % (n_buckets - 1)


def title_words(title: str) -> list[str]:
    """Return the first MAX_TITLE_WORDS distinct words of a title, in lower case."""
    return list(dict.fromkeys(re.findall(r"\w+", title.lower())))[:MAX_TITLE_WORDS]


def number_buckets(values: NDArray[np.float64]) -> Ints:
    """Return (n,) logarithmic buckets, two per power of ten: 0 = unknown, 1 = up to 0.1, …, N_NUMBER_BUCKETS - 1."""
    positive = np.where(np.isfinite(values) & (values > 0), values, 0.1)
    buckets = np.clip(np.floor(2 * np.log10(positive)).astype(np.int64) + 4, 1, N_NUMBER_BUCKETS - 1)
    return np.where(np.isfinite(values), buckets, 0)


def parse_number(text: str) -> float:
    """Parse a number with a decimal point or comma; NaN if the text is no number."""
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return float("nan")


def parse_flag(text: str) -> int:
    """Parse a flag: 0 = unknown, 1 = no, 2 = yes."""
    word = text.strip().lower()
    return 2 if word in TRUE_WORDS else 1 if word in FALSE_WORDS else 0
