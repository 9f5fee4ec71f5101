"""The state folder of a gateway: locked by one process, one per lake."""

import os

import pytest

from freshet.serving.errors import GatewayError
from freshet.serving.state_lock import acquire_state_lock, state_folder
from tests.tiny_gateway import gateway_settings


def test_a_second_gateway_on_the_same_folder_gets_the_first_ones_process_id(tmp_path):
    state_lock = acquire_state_lock(tmp_path / "state")
    with pytest.raises(GatewayError) as exc_info:
        acquire_state_lock(tmp_path / "state")
    assert str(exc_info.value) == (
        f"{tmp_path}/state: another gateway (process {os.getpid()}) holds it; "
        "stop that one, or set FRESHET_GATEWAY_STATE_DIR to another folder"
    )
    state_lock.release()
    acquire_state_lock(tmp_path / "state").release()


def test_two_lakes_have_two_folders(tmp_path):
    one, other = gateway_settings(tmp_path), gateway_settings(tmp_path, lake=str(tmp_path / "other"))
    assert state_folder(one).parent == state_folder(other).parent == tmp_path / "state"
    assert state_folder(one) != state_folder(other)


def test_the_state_folder_is_readable_only_by_its_owner(tmp_path):
    acquire_state_lock(tmp_path / "state").release()
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_created_is_an_error(tmp_path):
    (tmp_path / "state").write_text("a file")
    with pytest.raises(GatewayError) as exc_info:
        acquire_state_lock(tmp_path / "state")
    assert str(exc_info.value) == (
        f"{tmp_path}/state: cannot be written (File exists); "
        "make it writable, or set FRESHET_GATEWAY_STATE_DIR to a folder that is"
    )
