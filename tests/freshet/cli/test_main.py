"""The command `freshet`: its version, its help, and its width on a terminal of 80 columns."""

import pytest
from typer.testing import CliRunner

from freshet.cli.main import app
from freshet.runtime import code_version
from tests.terminal import run_in_terminal

COMMAND_NAMES = ("setup", "doctor", "settings", "land", "days", "mapping", "releases", "rollback", "card", "recommend",
         "explain", "serve")  # fmt: skip


def run_freshet(*arguments, **environment):
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False, env=environment)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_version_is_the_packages_and_the_commits():
    assert run_freshet("--version") == f"freshet {code_version()}\n"


@pytest.mark.parametrize("noun", COMMAND_NAMES)
def test_each_command_is_one_line_of_the_help_and_has_a_help_page(noun):
    (line,) = [line for line in run_freshet("--help", COLUMNS="80").splitlines() if line.startswith(f"│ {noun} ")]
    sentence = line.strip("│ ").removeprefix(noun).strip()
    assert sentence.endswith(".")
    assert sentence in " ".join(run_freshet(noun, "--help", COLUMNS="80").replace("\n", " ").split())


def test_the_help_of_serve_shows_where_it_would_listen():
    text = " ".join(run_freshet("serve", "--help", COLUMNS="200", FRESHET_GATEWAY_PORT="8123").split())
    assert "[default: (8123, FRESHET_GATEWAY_PORT)]" in text
    assert "[default: (127.0.0.1, FRESHET_GATEWAY_HOST)]" in text


def test_the_help_of_serve_is_shown_even_with_an_invalid_setting():
    assert "[default: (FRESHET_GATEWAY_PORT)]" in run_freshet(
        "serve", "--help", COLUMNS="200", FRESHET_GATEWAY_PORT="x"
    )


def test_the_settings_fit_a_terminal_of_80_columns(tmp_path):
    lines = run_in_terminal(tmp_path / "lake", "settings").splitlines()
    assert "the source mapping (YAML) of the shop" in "".join(lines)
    described = [line for line in lines if line.startswith(" ")]
    assert max(map(len, described)) <= 80
