"""`freshet doctor`: its lines and its exit code."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from freshet.cli.doctor import capability_lines
from freshet.cli.main import app
from freshet.doctor.result import CAPABILITIES, CheckResult


def test_something_wrong_ends_with_exit_code_1_and_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRESHET_MAPPING", str(tmp_path / "none.yaml"))
    output = CliRunner().invoke(app, ["doctor"])
    assert output.exit_code == 1
    assert f"wrong   mapping       {tmp_path}/none.yaml: no such file" in output.stdout


def test_every_part_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRESHET_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("FRESHET_LAKE", str(tmp_path / "lake"))
    lines = CliRunner().invoke(app, ["doctor"]).stdout.splitlines()
    parts = [line[8:22].strip() for line in lines if line[:8].strip() in ("ok", "missing", "wrong")]
    expected = (
        "Python Java jars class_archive torch onnxruntime DAGSTER_HOME lake mapping first_day releases gateway_state"
        " telemetry"
    )
    assert parts == [part.replace("_", " ") if part != "DAGSTER_HOME" else part for part in expected.split()]
    assert "the jar is missing" in "".join(lines)
    assert re.match(r"pipeline  will not work: .*jars", lines[-3])
    assert re.match(r"training  will not work: .*jars", lines[-2])
    assert lines[-1] == "gateway   will work, within limits: lake"


def test_the_last_lines_name_what_works_and_what_limits_it() -> None:
    jars = CheckResult("jars", "ok", "two", affects=("pipeline", "training"))
    java = CheckResult("Java", "wrong", "8", affects=("pipeline", "training"))
    mapping = CheckResult("mapping", "missing", "not set", affects=("pipeline",))
    lake = CheckResult("lake", "missing", "none yet", affects=CAPABILITIES)
    archive = CheckResult("class archive", "missing", "none")  # only slower
    assert capability_lines([jars, archive]) == [
        "pipeline  will work",
        "training  will work",
        "gateway   will work",
    ]
    assert capability_lines([java, mapping, lake, archive]) == [
        "pipeline  will not work: Java",
        "training  will not work: Java",
        "gateway   will work, within limits: lake",
    ]
    assert capability_lines([jars, mapping, lake])[0] == "pipeline  will work, within limits: mapping, lake"
