"""What the JVM prints reaches the terminal, but for one warning."""

import os
import subprocess
import sys

import pytest

from freshet.tables.jvm import without_noise


def test_only_the_warning_about_incubator_modules_is_left_out():
    lines = [b"WARNING: Using incubator modules: jdk.incubator.vector\n", b"WARNING: other\n", b"java.lang.Error\n"]
    assert list(without_noise(lines)) == lines[1:]


@pytest.mark.spark
def test_a_session_starts_in_silence(settings):
    code = "from freshet.settings import load; from freshet.tables.session import start; start(load()).range(3).count()"
    given = {**os.environ, "FRESHET_LAKE": settings.lake, "FRESHET_SPARK_MASTER": "local[1]"}
    done = subprocess.run([sys.executable, "-c", code], env=given, capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stderr) == (0, "")
