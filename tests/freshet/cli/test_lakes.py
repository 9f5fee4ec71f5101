"""Messages and exit codes of every command for a missing lake, an empty one, and a path that is no lake."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from freshet.cli.main import app, main

# Commands that read the lake, as typed.
READ_COMMANDS = {
    "days": ("days",),
    "releases": ("releases",),
    "card": ("card",),
    "recommend": ("recommend", "--items", "a"),
    "explain": ("explain", "a", "--items", "b"),
    "rollback": ("rollback", "--why", "x"),
    "release": ("release", "--hold", "--why", "x"),
}
# Commands that may create a lake, one that repairs it, and those that need none.
CREATING_COMMANDS, REPAIR_COMMANDS, LAKELESS_COMMANDS = (
    ("land", "serve"),
    ("catalog",),
    ("settings", "setup", "doctor", "mapping"),
)
NO_LAKE_MESSAGE = " (FRESHET_LAKE): there is no such folder; correct FRESHET_LAKE (`freshet settings` shows its source)"
LOAD_HINT = (
    "land some days (`freshet land FILE…`), then run "
    "`dagster asset materialize -m pipelines.definitions --select '*' --partition-range FIRST...LAST`\n"
)


@pytest.fixture
def run_freshet(capsys, monkeypatch, tmp_path) -> Callable[..., tuple[int, str, str]]:
    """(exit code, stdout, stderr) of the `freshet` command, typed in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run_in(*arguments: str, lake: Path) -> tuple[int, str, str]:
        monkeypatch.setenv("FRESHET_LAKE", str(lake))
        monkeypatch.setattr(sys, "argv", ["freshet", *arguments])
        with pytest.raises(SystemExit) as exc_info:
            main()
        output = capsys.readouterr()
        return int(exc_info.value.code or 0), output.out, output.err

    return run_in


def test_every_command_is_tested_here():
    assert sorted(typer.main.get_command(app).commands) == sorted(
        (*READ_COMMANDS, *CREATING_COMMANDS, *REPAIR_COMMANDS, *LAKELESS_COMMANDS)
    )


@pytest.mark.parametrize("words", READ_COMMANDS.values(), ids=READ_COMMANDS)
def test_a_lake_that_is_not_there_is_a_mistake_and_stays_not_there(run_freshet, tmp_path, words):
    code, output, error = run_freshet(*words, lake=tmp_path / "lkae")
    assert (code, output) == (2, "")
    assert error.startswith(f"error: {tmp_path}/lkae{NO_LAKE_MESSAGE}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", READ_COMMANDS.values(), ids=READ_COMMANDS)
def test_an_empty_lake_gives_the_command_to_type(run_freshet, tmp_path, words):
    (tmp_path / "lake").mkdir()
    code, output, error = run_freshet(*words, lake=tmp_path / "lake")
    message = "no day has been run yet" if words == ("days",) else "nothing has been released yet"
    assert (code, output, error) == (1, "", f"{tmp_path}/lake (FRESHET_LAKE): {message}; {LOAD_HINT}")
    assert list((tmp_path / "lake").iterdir()) == []


@pytest.mark.parametrize(
    "words", [*READ_COMMANDS.values(), ("land", "a.csv"), ("serve", "--port", "0"), ("catalog", "restore")]
)
def test_a_file_is_no_lake(run_freshet, tmp_path, words):
    (tmp_path / "lake").write_text("")
    (tmp_path / "a.csv").write_text("a\n1\n")
    code, _, error = run_freshet(*words, lake=tmp_path / "lake")
    assert (code, error.splitlines()[-1]) == (
        2,
        f"error: {tmp_path}/lake (FRESHET_LAKE): is a file, not a folder; correct FRESHET_LAKE (`freshet settings`)",
    )


@pytest.mark.parametrize(
    "words", [("land", "a.csv", "--date", "2024-03-01"), ("serve", "--port", "0")], ids=CREATING_COMMANDS
)
def test_a_lake_in_a_missing_folder_is_not_created(run_freshet, tmp_path, words):
    (tmp_path / "a.csv").write_text("a\n1\n")
    code, _, error = run_freshet(*words, lake=tmp_path / "dsik" / "lake")
    assert code == 2
    assert f"{tmp_path}/dsik/lake (FRESHET_LAKE): neither it nor its parent folder exists" in error
    assert not (tmp_path / "dsik").exists()


def test_landing_reports_a_new_lake_once(run_freshet, tmp_path):
    (tmp_path / "a.csv").write_text("a\n1\n")
    words = ("land", "a.csv", "--date", "2024-03-01")
    code, _, error = run_freshet(*words, lake=tmp_path / "lake")
    assert (code, error) == (0, f"a new lake begins at {tmp_path}/lake (FRESHET_LAKE)\n")
    assert run_freshet(*words, lake=tmp_path / "lake")[2] == ""


@pytest.mark.parametrize("words", [*READ_COMMANDS.values(), ("settings",)], ids=[*READ_COMMANDS, "settings"])
def test_a_mistyped_variable_is_named_by_every_command(run_freshet, tmp_path, monkeypatch, words):
    (tmp_path / "lake").mkdir()
    monkeypatch.setenv("FRESHET_LAEK", "x")
    (tmp_path / ".env").write_text("FRESHET_MAPING=shop.yaml\n")
    error = run_freshet(*words, lake=tmp_path / "lake")[2]
    assert error.startswith(
        "warning: FRESHET_LAEK: no such setting, it is ignored; did you mean FRESHET_LAKE?\n"
        "warning: FRESHET_MAPING: no such setting, it is ignored; did you mean FRESHET_MAPPING?\n"
    )


def test_a_line_of_the_env_file_that_is_no_setting_is_a_mistake(run_freshet, tmp_path):
    (tmp_path / ".env").write_text("# the lake\nFRESHET_LAKE /data/shop\n")
    code, output, error = run_freshet("days", lake=tmp_path)
    assert (code, output) == (2, "")
    assert error == ("error: .env:2: 'FRESHET_LAKE /data/shop' is no setting; write NAME=value, or put a # before it\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_lake_that_cannot_be_written_takes_no_file(run_freshet, tmp_path):
    (tmp_path / "lake").mkdir(mode=0o500)
    (tmp_path / "a.csv").write_text("a\n1\n")
    code, _, error = run_freshet("land", "a.csv", "--date", "2024-03-01", lake=tmp_path / "lake")
    assert code == 2
    assert "Permission denied" in error
