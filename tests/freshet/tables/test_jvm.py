"""The JVM's stderr reaches the terminal without one warning."""

import os
import subprocess
import sys

import pytest

from freshet.tables.jvm import drop_incubator_warning


def test_only_the_warning_about_incubator_modules_is_left_out():
    lines = [b"WARNING: Using incubator modules: jdk.incubator.vector\n", b"WARNING: other\n", b"java.lang.Error\n"]
    assert list(drop_incubator_warning(lines)) == lines[1:]


def test_a_jvm_that_does_not_start_gives_the_reason(tmp_path):
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'Error: not enough room for the heap' >&2\nexit 1\n")
    java.chmod(0o755)
    code = "from freshet.tables.jvm import launch_jvm; launch_jvm({'spark.master': 'local[1]'})"
    environment = {**os.environ, "JAVA_HOME": str(tmp_path)}
    completed_process = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )
    assert completed_process.returncode == 1
    assert completed_process.stderr.startswith("Error: not enough room for the heap\n")
    assert "JAVA_GATEWAY_EXITED" in completed_process.stderr


@pytest.mark.spark
def test_a_session_starts_in_silence(settings):
    code = (
        "from freshet.settings import load; from freshet.tables.spark_session import start_session; "
        "start_session(load()).range(3).count()"
    )
    environment = {**os.environ, "FRESHET_LAKE": settings.lake, "FRESHET_SPARK_MASTER": "local[1]"}
    completed_process = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=200
    )
    assert (completed_process.returncode, completed_process.stderr) == (0, "")
