import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from freshet.checkup.finding import Finding
from freshet.cli.doctor import conclusion
from freshet.cli.main import app


def test_something_wrong_ends_with_exit_code_1_and_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRESHET_MAPPING", str(tmp_path / "none.yaml"))
    shown = CliRunner().invoke(app, ["doctor"])
    assert shown.exit_code == 1
    row = (
        f"wrong   mapping       {tmp_path}/none.yaml cannot be read\n                      → correct FRESHET_MAPPING\n"
    )
    assert row in shown.stdout


def test_every_part_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRESHET_CACHE", str(tmp_path))
    lines = CliRunner().invoke(app, ["doctor"]).stdout.splitlines()
    parts = [line[8:22].strip() for line in lines if line[:8].strip() in ("ok", "missing", "wrong")]
    expected = "Python Java jars class_archive torch onnxruntime DAGSTER_HOME lake mapping first_day telemetry"
    assert parts == [part.replace("_", " ") if part != "DAGSTER_HOME" else part for part in expected.split()]
    assert "the jar is missing" in "".join(lines)
    assert re.match(r"\d wrong: .*jars.*; \d missing: .*mapping", lines[-1])


def test_the_last_line_agrees_with_those_above() -> None:
    java, mapping = Finding("Java", "wrong", "8"), Finding("mapping", "missing", "not set")
    lake, jars = Finding("lake", "missing", "none yet"), Finding("jars", "ok", "two")
    assert conclusion([jars]) == "nothing is wrong; nothing is missing"
    assert conclusion([jars, mapping, lake]) == "nothing is wrong; 2 missing: mapping, lake"
    assert conclusion([java, jars]) == "1 wrong: Java; nothing is missing"
    assert conclusion([java, mapping]) == "1 wrong: Java; 1 missing: mapping"
