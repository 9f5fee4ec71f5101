"""Keyed pseudonyms in Spark's own expressions, the same as Python's `hmac` gives."""

from hashlib import sha256
from typing import Literal

from pyspark.sql import Column
from pyspark.sql import functions as F

BLOCK_BYTES = 64  # bytes, of SHA-256
PSEUDONYM_CHARS = 32  # hex characters kept: 128 bits


def pseudonym(value: Column, kind: Literal["user", "session"], key: bytes) -> Column:
    """HMAC-SHA256 (RFC 2104) of `kind:value` under `key`, its first 32 hex characters; null stays null.

    The kind keeps a user apart from a session of the same number.
    """
    padded = (sha256(key).digest() if len(key) > BLOCK_BYTES else key).ljust(BLOCK_BYTES, b"\0")
    inner, outer = (F.lit(bytes(byte ^ pad for byte in padded)) for pad in (0x36, 0x5C))
    message = F.encode(F.concat(F.lit(f"{kind}:"), value), "utf-8")
    digest = F.sha2(F.concat(outer, F.unhex(F.sha2(F.concat(inner, message), 256))), 256)
    return F.substring(digest, 1, PSEUDONYM_CHARS)
