"""The class archive of the JVM: built once, and harmless if broken."""

import os
import subprocess
from pathlib import Path

import pytest

from freshet.settings import load
from freshet.setup import class_archive, requirements
from freshet.tables.spark_session import spark_options


@pytest.mark.spark
def test_a_broken_archive_never_stops_a_jvm(tmp_path: Path) -> None:
    damaged_file = tmp_path / "classes.jsa"
    damaged_file.write_bytes(b"not an archive")
    java = requirements.find_java(load()) / "bin" / "java"
    command = [str(java), f"-XX:SharedArchiveFile={damaged_file}", "-Xshare:auto", "-Xlog:cds=off", "-version"]
    assert subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0


@pytest.mark.spark
def test_an_existing_archive_is_not_built_again(tmp_path: Path) -> None:
    settings = load().model_copy(update={"cache_dir": tmp_path})
    archive = requirements.class_archive_path(settings)
    archive.write_bytes(b"archive")
    lines: list[str] = []
    assert class_archive.build_archive(settings, spark_options, lines.append) == archive
    assert lines == []


def test_the_oldest_of_many_archives_are_removed(tmp_path: Path) -> None:
    others = [tmp_path / f"classes-{number}.jsa" for number in range(5)]
    for number, path in enumerate(others):
        path.write_bytes(b"archive")
        os.utime(path, (number, number))
    new_archive = tmp_path / "classes-made.jsa"
    new_archive.write_bytes(b"archive")
    class_archive.remove_old_archives(new_archive)
    assert sorted(tmp_path.iterdir()) == [*others[-3:], new_archive]
