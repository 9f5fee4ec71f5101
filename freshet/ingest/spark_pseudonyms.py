"""Keyed pseudonyms as Spark expressions; they equal those of `freshet.data.pseudonym`."""

from hashlib import sha256
from typing import Final, Literal

from pyspark.sql import Column
from pyspark.sql import functions as F

from freshet.data.pseudonym import PSEUDONYM_DIGITS

BLOCK_BYTES: Final = 64  # of SHA-256


def pseudonym_column(value: Column, kind: Literal["user", "session"], key: bytes) -> Column:
    """Return the first 32 hex digits of HMAC-SHA256 (RFC 2104) of `kind:value` under `key`; null stays null.

    The kind keeps a user apart from a session with the same id.
    """
    padded = (sha256(key).digest() if len(key) > BLOCK_BYTES else key).ljust(BLOCK_BYTES, b"\0")
    inner, outer = (F.lit(bytes(byte ^ pad for byte in padded)) for pad in (0x36, 0x5C))
    message = F.encode(F.concat(F.lit(f"{kind}:"), value), "utf-8")
    digest = F.sha2(F.concat(outer, F.unhex(F.sha2(F.concat(inner, message), 256))), 256)
    return F.substring(digest, 1, PSEUDONYM_DIGITS)
