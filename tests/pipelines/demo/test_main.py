"""A demo empties its own folder and no other."""

import os
import re
from datetime import date

import pytest

from freshet.errors import SettingsError, SetupError
from freshet.serving.errors import GatewayError
from freshet.serving.state_lock import acquire_state_lock, state_folder
from freshet.settings import Settings
from pipelines.demo.__main__ import MARKER_FILE, reset_folder


@pytest.fixture
def demo_settings(tmp_path) -> Settings:
    folder = tmp_path / "demo"
    return Settings(
        _env_file=None, lake=str(folder / "lake"), gateway_state_dir=folder / "state", first_day=date(2026, 1, 5)
    )


def test_a_demo_starts_with_an_empty_lake_a_dagster_home_and_the_first_day(demo_settings, tmp_path):
    reset_folder(demo_settings)
    names = sorted(path.name for path in (tmp_path / "demo").iterdir())
    assert names == ["dagster", MARKER_FILE, "lake", "state"]
    assert (tmp_path / "demo" / "dagster" / "dagster.yaml").is_file()
    assert (tmp_path / "demo" / MARKER_FILE).read_text() == "2026-01-05\n"


def test_the_folder_of_an_earlier_demo_is_removed(demo_settings, tmp_path):
    reset_folder(demo_settings)
    (tmp_path / "demo" / "lake" / "old").touch()
    reset_folder(demo_settings)
    assert list((tmp_path / "demo" / "lake").iterdir()) == []


def test_a_folder_of_something_else_is_not_emptied(demo_settings, tmp_path):
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "mine").touch()
    message = (
        f"FRESHET_LAKE: {tmp_path / 'demo'} holds files that are not the demo's; "
        "run `make demo`, which sets its own folder"
    )
    with pytest.raises(SettingsError, match=re.escape(message)):
        reset_folder(demo_settings)
    assert (tmp_path / "demo" / "mine").exists()


def test_a_lake_that_a_gateway_works_on_is_left_alone(demo_settings, tmp_path):
    reset_folder(demo_settings)
    (tmp_path / "demo" / "lake" / "old").touch()
    state_lock = acquire_state_lock(state_folder(demo_settings))
    with pytest.raises(GatewayError) as error:
        reset_folder(demo_settings)
    assert str(error.value) == (
        f"{state_folder(demo_settings)}: another gateway (process {os.getpid()}) holds it; "
        "stop `make dev` or `make demo KEEP=1`, then try again"
    )
    assert (tmp_path / "demo" / "lake" / "old").exists()
    state_lock.release()
    reset_folder(demo_settings)
    assert not (tmp_path / "demo" / "lake" / "old").exists()


def test_a_folder_that_cannot_be_emptied_is_named(demo_settings, tmp_path):
    reset_folder(demo_settings)
    (tmp_path / "demo").rename(tmp_path / "elsewhere")
    (tmp_path / "demo").symlink_to(tmp_path / "elsewhere")  # which rmtree refuses
    with pytest.raises(SetupError) as error:
        reset_folder(demo_settings)
    assert str(error.value) == (
        f"{tmp_path / 'demo'}: cannot be emptied (Cannot call rmtree on a symbolic link); remove it, then try again"
    )
