"""Pseudonyms: user and session ids never go beyond landing as they are, only as keyed hashes."""

import hmac
import secrets
from typing import Final, Literal

from freshet.errors import LakeError
from freshet.lake_checks import new_lake_message
from freshet.settings import Settings
from freshet.store import Store, open_store

KEY_PATH: Final = "keys/pseudonym.key"
PSEUDONYM_DIGITS: Final = 32


def pseudonym(key: bytes, kind: Literal["user", "session"], raw_id: str) -> str:
    """HMAC-SHA256 of `kind:name`, hex, the first 32 digits: a user and a session of one name differ."""
    return hmac.digest(key, f"{kind}:{raw_id}".encode(), "sha256").hex()[:PSEUDONYM_DIGITS]


def load_pseudonym_key(settings: Settings) -> bytes:
    """The lake's key: the one in settings, else the one made once for this lake, readable by its owner only.

    Two processes that ask for it first at the same time get the same key: one of them made it.
    """
    if settings.pseudonym_key is not None:
        return settings.pseudonym_key.get_secret_value().encode()
    store = open_store(settings.lake)
    if not store.exists(KEY_PATH):
        _refuse_second_key(store)
        _create_key(store)
    key = store.get(KEY_PATH).strip()
    if not key:
        where = store.full_path(KEY_PATH)
        raise LakeError(where, "the key is empty", "restore it from a backup: a new key makes all shoppers strangers")
    return key


def _refuse_second_key(store: Store) -> None:
    """Tables that hold pseudonyms were made with a key: it was lost, or stood in FRESHET_PSEUDONYM_KEY until now."""
    if store.list_folders("tables/shop/raw_events"):
        what = "is missing, and the tables hold pseudonyms made with a key: a new one makes all shoppers strangers"
        fix = "restore it from a backup, or set FRESHET_PSEUDONYM_KEY to the key that was used"
        raise LakeError(store.full_path(KEY_PATH), what, fix)


def _create_key(store: Store) -> None:
    if store.is_local:  # the folder is closed before the key is in it: nobody can read it in between
        new_lake_message(store.root)
        store.local_path(KEY_PATH).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    store.put_if_absent(KEY_PATH, secrets.token_hex(32).encode())
    if store.is_local:
        store.local_path(KEY_PATH).chmod(0o600)
