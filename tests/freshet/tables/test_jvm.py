"""What the JVM prints reaches the terminal, but for one warning."""

import os
import subprocess
import sys

import pytest

from freshet.tables.jvm import without_noise


def test_only_the_warning_about_incubator_modules_is_left_out():
    lines = [b"WARNING: Using incubator modules: jdk.incubator.vector\n", b"WARNING: other\n", b"java.lang.Error\n"]
    assert list(without_noise(lines)) == lines[1:]


def test_a_jvm_that_does_not_start_says_why(tmp_path):
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'Error: not enough room for the heap' >&2\nexit 1\n")
    java.chmod(0o755)
    code = "from freshet.tables.jvm import launch; launch({'spark.master': 'local[1]'})"
    given = {**os.environ, "JAVA_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=given, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: not enough room for the heap\n")
    assert "JAVA_GATEWAY_EXITED" in done.stderr


@pytest.mark.spark
def test_a_session_starts_in_silence(settings):
    code = "from freshet.settings import load; from freshet.tables.session import start; start(load()).range(3).count()"
    given = {**os.environ, "FRESHET_LAKE": settings.lake, "FRESHET_SPARK_MASTER": "local[1]"}
    done = subprocess.run([sys.executable, "-c", code], env=given, capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stderr) == (0, "")
