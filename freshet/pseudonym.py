"""Pseudonyms: user and session ids never go beyond landing as they are, only as keyed hashes."""

import hmac
import secrets
from typing import Final, Literal

from freshet.errors import LakeError
from freshet.lake_state import new_lake
from freshet.settings import Settings
from freshet.store import Store, open_store

KEY_PATH: Final = "keys/pseudonym.key"
DIGITS: Final = 32


def pseudonym(key: bytes, kind: Literal["user", "session"], name: str) -> str:
    """HMAC-SHA256 of `kind:name`, hex, the first 32 digits: a user and a session of one name differ."""
    return hmac.digest(key, f"{kind}:{name}".encode(), "sha256").hex()[:DIGITS]


def lake_key(settings: Settings) -> bytes:
    """The lake's key: the one in settings, else the one made once for this lake, readable by its owner only.

    Two processes that ask for it first at the same time get the same key: one of them made it.
    """
    if settings.pseudonym_key is not None:
        return settings.pseudonym_key.get_secret_value().encode()
    store = open_store(settings.lake)
    if not store.exists(KEY_PATH):
        _refuse_a_second(store)
        _make(store)
    key = store.get(KEY_PATH).strip()
    if not key:
        where = store.where(KEY_PATH)
        raise LakeError(where, "the key is empty", "restore it from a backup: a new key makes all shoppers strangers")
    return key


def _refuse_a_second(store: Store) -> None:
    """Tables that hold pseudonyms were made with a key: it was lost, or stood in FRESHET_PSEUDONYM_KEY until now."""
    if store.folders("tables/shop/raw_events"):
        what = "is missing, and the tables hold pseudonyms made with a key: a new one makes all shoppers strangers"
        fix = "restore it from a backup, or set FRESHET_PSEUDONYM_KEY to the key that was used"
        raise LakeError(store.where(KEY_PATH), what, fix)


def _make(store: Store) -> None:
    if store.is_local:  # the folder is closed before the key is in it: nobody can read it in between
        new_lake(store.root)
        store.local_path(KEY_PATH).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    store.put_if_absent(KEY_PATH, secrets.token_hex(32).encode())
    if store.is_local:
        store.local_path(KEY_PATH).chmod(0o600)
