"""Pseudonyms of user and session ids, and the key of a lake."""

import hashlib
import hmac
from pathlib import Path

import pytest

from freshet.data.pseudonym import load_pseudonym_key, pseudonym
from freshet.errors import LakeError
from freshet.settings import Settings


def test_a_pseudonym_is_the_first_half_of_the_keyed_hash():
    expected = hmac.new(b"key", b"user:17850", hashlib.sha256).hexdigest()[:32]
    assert pseudonym(b"key", "user", "17850") == expected


def test_a_user_and_a_session_with_the_same_id_are_two_shoppers():
    assert pseudonym(b"key", "user", "1") != pseudonym(b"key", "session", "1")


def test_another_key_gives_other_pseudonyms():
    assert pseudonym(b"one", "user", "1") != pseudonym(b"two", "user", "1")


def test_the_key_of_the_settings_is_used(tmp_path):
    settings = Settings(_env_file=None, lake=str(tmp_path), pseudonym_key="secret")
    assert load_pseudonym_key(settings) == b"secret"
    assert list(tmp_path.iterdir()) == []


def test_a_lake_creates_its_key_once_for_its_owner_only(tmp_path):
    settings = Settings(_env_file=None, lake=str(tmp_path / "lake"))
    first_key = load_pseudonym_key(settings)
    assert len(first_key) == 64
    assert load_pseudonym_key(settings) == first_key
    assert (tmp_path / "lake/keys/pseudonym.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "lake/keys").stat().st_mode & 0o777 == 0o700


def test_two_lakes_have_two_keys(tmp_path):
    first_key, second_key = (
        load_pseudonym_key(Settings(_env_file=None, lake=str(tmp_path / name))) for name in ("one", "two")
    )
    assert first_key != second_key


def test_an_empty_key_is_refused(tmp_path):
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/pseudonym.key").write_bytes(b"")
    with pytest.raises(LakeError) as exc_info:
        load_pseudonym_key(Settings(_env_file=None, lake=str(tmp_path)))
    assert str(exc_info.value) == (
        f"{tmp_path}/keys/pseudonym.key: the key is empty; "
        "restore it from a backup: with a new key all shoppers get other pseudonyms"
    )


def test_a_lost_key_is_not_replaced_while_tables_hold_its_pseudonyms(settings):
    (Path(settings.lake) / "tables" / "shop" / "raw_events" / "metadata").mkdir(parents=True)
    (Path(settings.lake) / "tables" / "shop" / "raw_events" / "metadata" / "00001-a.metadata.json").write_text("{}")
    with pytest.raises(LakeError) as exc_info:
        load_pseudonym_key(settings)
    assert str(exc_info.value) == (
        f"{settings.lake}/keys/pseudonym.key: is missing, and the tables hold pseudonyms: "
        "with a new key all shoppers get other ones; "
        "restore it from a backup, or set FRESHET_PSEUDONYM_KEY to the key that was used"
    )
    assert not (Path(settings.lake) / "keys").exists()
