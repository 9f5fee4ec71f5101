"""Pseudonyms: keyed hashes that replace user and session ids in everything after the landing."""

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
    """Return 32 hex digits of HMAC-SHA256 of `kind:raw_id`: a user and a session with the same id differ."""
    return hmac.digest(key, f"{kind}:{raw_id}".encode(), "sha256").hex()[:PSEUDONYM_DIGITS]


def load_pseudonym_key(settings: Settings) -> bytes:
    """Return the key of the settings, else the lake's own, which is created once and readable by its owner only.

    Concurrent processes get the same key. Raises LakeError if the lake's key was lost.
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
        raise LakeError(
            where, "the key is empty", "restore it from a backup: with a new key all shoppers get other pseudonyms"
        )
    return key


def _refuse_second_key(store: Store) -> None:
    """Raise LakeError if tables hold pseudonyms: their key was lost, or was in FRESHET_PSEUDONYM_KEY until now."""
    if store.list_folders("tables/shop/raw_events"):
        what = "is missing, and the tables hold pseudonyms: with a new key all shoppers get other ones"
        fix = "restore it from a backup, or set FRESHET_PSEUDONYM_KEY to the key that was used"
        raise LakeError(store.full_path(KEY_PATH), what, fix)


def _create_key(store: Store) -> None:
    if store.is_local:  # restrict the folder before the key is written: no other user can read it in between
        new_lake_message(store.root)
        store.local_path(KEY_PATH).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    store.put_if_absent(KEY_PATH, secrets.token_hex(32).encode())
    if store.is_local:
        store.local_path(KEY_PATH).chmod(0o600)
