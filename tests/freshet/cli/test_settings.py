import json
import re

import pytest
from typer.testing import CliRunner

from freshet.cli.main import app
from freshet.settings import Settings


def test_the_table_shows_value_origin_and_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRESHET_LOOKBACK_DAYS", "3")
    shown = CliRunner().invoke(app, ["settings"])
    assert shown.exit_code == 0
    assert re.search(r"^FRESHET_LOOKBACK_DAYS +3  \[environment\]$", shown.stdout, flags=re.MULTILINE)
    assert " an event seen in so many days before is a duplicate\n" in shown.stdout


def test_programs_get_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRESHET_PSEUDONYM_KEY", "open sesame")
    shown = json.loads(CliRunner().invoke(app, ["settings", "--json"]).stdout)
    assert list(shown) == [f"FRESHET_{name.upper()}" for name in Settings.model_fields]
    assert shown["FRESHET_PSEUDONYM_KEY"]["value"] == "********"
    assert shown["FRESHET_PSEUDONYM_KEY"]["source"] == "environment"


def test_a_mistyped_variable_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRESHET_LAEK", "here")
    warned = CliRunner().invoke(app, ["settings"]).stderr
    assert "warning: FRESHET_LAEK: no such setting, it is ignored; did you mean FRESHET_LAKE?\n" in warned
