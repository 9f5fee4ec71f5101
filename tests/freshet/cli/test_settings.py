"""`freshet settings`: the table, JSON, and mistyped variables."""

import json
import re

import pytest
from typer.testing import CliRunner

from freshet.cli.main import app
from freshet.settings import Settings


def test_the_table_shows_value_origin_and_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRESHET_DEDUP_LOOKBACK_DAYS", "3")
    output = CliRunner().invoke(app, ["settings"])
    assert output.exit_code == 0
    assert re.search(r"^FRESHET_DEDUP_LOOKBACK_DAYS +3  \[environment\]$", output.stdout, flags=re.MULTILINE)
    assert " an event that was published in this many days before is a duplicate\n" in output.stdout


def test_programs_get_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRESHET_PSEUDONYM_KEY", "open sesame")
    output = json.loads(CliRunner().invoke(app, ["settings", "--json"]).stdout)
    assert list(output) == [f"FRESHET_{name.upper()}" for name in Settings.model_fields]
    assert output["FRESHET_PSEUDONYM_KEY"]["value"] == "********"
    assert output["FRESHET_PSEUDONYM_KEY"]["source"] == "environment"


def test_a_mistyped_variable_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRESHET_LAEK", "here")
    warned = CliRunner().invoke(app, ["settings"]).stderr
    assert "warning: FRESHET_LAEK: no such setting, it is ignored; did you mean FRESHET_LAKE?\n" in warned
