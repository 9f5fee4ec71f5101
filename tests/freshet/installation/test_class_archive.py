import subprocess
from pathlib import Path

import pytest

from freshet import machine
from freshet.installation import class_archive
from freshet.settings import load


@pytest.mark.spark
def test_a_broken_archive_never_stops_a_jvm(tmp_path: Path) -> None:
    broken = tmp_path / "classes.jsa"
    broken.write_bytes(b"not an archive")
    java = machine.java(load()) / "bin" / "java"
    command = [str(java), f"-XX:SharedArchiveFile={broken}", "-Xshare:auto", "-Xlog:cds=off", "-version"]
    assert subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0


@pytest.mark.spark
def test_an_archive_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    settings = load().model_copy(update={"cache": tmp_path})
    made, old = machine.class_archive_path(settings), tmp_path / "classes-0123456789abcdef.jsa"
    made.write_bytes(b"archive")
    old.write_bytes(b"archive of another Java")
    said: list[str] = []
    assert class_archive.make(settings, said.append) == made
    assert said == []
    class_archive._drop_others(made)
    assert sorted(tmp_path.iterdir()) == [made]
