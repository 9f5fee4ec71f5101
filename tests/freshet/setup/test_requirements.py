"""Java versions that Spark accepts, and the Java that is used."""

from pathlib import Path

import pytest

from freshet.errors import SetupError
from freshet.settings import Settings
from freshet.setup import requirements

JAVA_FIX = "install Java 17 or 21 (`apt install openjdk-17-jre-headless`, or 21) or set FRESHET_JAVA_HOME to one"


def write_java(home: Path, version: str, *, vector: bool = True) -> Path:
    """A folder with a script `java` that prints the version line of that version."""
    refuse = "" if vector else 'case "$*" in *add-modules*) exit 1;; esac\n'
    (home / "bin").mkdir(parents=True)
    script = home / "bin" / "java"
    script.write_text(f"#!/bin/sh\n{refuse}echo 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    script.chmod(0o755)
    return home


def settings_with_java(home: Path) -> Settings:
    return Settings(_env_file=None, java_home=home)


@pytest.mark.parametrize(("version_text", "version"), [("17.0.15", 17), ("25", 25), ("1.8.0_392", 8), ("21-ea", 21)])
def test_the_version_is_the_first_number_of_javas_output(tmp_path: Path, version_text: str, version: int) -> None:
    java = requirements.inspect_java(write_java(tmp_path / "java", version_text))
    assert java == requirements.JavaInstallation(tmp_path / "java", version, has_vector_module=True)


def test_a_folder_without_java_holds_none(tmp_path: Path) -> None:
    assert requirements.inspect_java(tmp_path) is None


def test_a_new_java_is_used(tmp_path: Path) -> None:
    home = write_java(tmp_path / "java", "17.0.15")
    assert requirements.find_java(settings_with_java(home)) == home


def test_an_old_java_is_named(tmp_path: Path) -> None:
    home = write_java(tmp_path / "java", "1.8.0_392", vector=False)
    with pytest.raises(SetupError) as error:
        requirements.find_java(settings_with_java(home))
    assert str(error.value) == f"Java: Java 8 at {home} is too old; {JAVA_FIX}"


def test_a_java_too_new_for_spark_is_named(tmp_path: Path) -> None:
    home = write_java(tmp_path / "java", "25.0.1")
    with pytest.raises(SetupError) as error:
        requirements.find_java(settings_with_java(home))
    assert str(error.value) == f"Java: Java 25 at {home} is too new for Spark, which runs on 17 to 22; {JAVA_FIX}"


def test_a_java_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError) as error:
        requirements.find_java(settings_with_java(tmp_path / "nowhere"))
    assert str(error.value) == f"Java: no Java at {tmp_path}/nowhere; {JAVA_FIX}"


def test_a_cut_down_java_is_named(tmp_path: Path) -> None:
    home = write_java(tmp_path / "java", "21.0.2", vector=False)
    with pytest.raises(SetupError) as error:
        requirements.find_java(settings_with_java(home))
    assert str(error.value) == f"Java: Java 21 at {home} lacks the module jdk.incubator.vector; {JAVA_FIX}"


def test_without_any_java_the_fix_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(requirements, "JVM_ROOT", tmp_path)
    with pytest.raises(SetupError) as error:
        requirements.find_java(Settings(_env_file=None))
    assert str(error.value) == f"Java: none found; {JAVA_FIX}"


def test_an_old_java_home_gives_way_to_a_newer_java_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = write_java(tmp_path / "old", "11.0.2"), write_java(tmp_path / "new", "17.0.1")
    monkeypatch.setenv("JAVA_HOME", str(old))
    monkeypatch.setenv("PATH", f"{new / 'bin'}:/usr/bin:/bin")
    assert requirements.find_java(Settings(_env_file=None)) == new


def test_a_missing_jar_is_named_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(SetupError) as error:
        requirements.require_jars(Settings(_env_file=None, cache_dir=tmp_path))
    path = tmp_path / "jars" / "iceberg-spark-runtime-4.1_2.13-1.12.0.jar"
    assert str(error.value) == f"{path}: the jar is missing; run `freshet setup`"


def test_a_jar_cut_short_is_named_with_its_size(tmp_path: Path) -> None:
    (tmp_path / "jars").mkdir()
    path = tmp_path / "jars" / "iceberg-spark-runtime-4.1_2.13-1.12.0.jar"
    path.write_bytes(b"four")
    with pytest.raises(SetupError) as error:
        requirements.require_jars(Settings(_env_file=None, cache_dir=tmp_path))
    assert str(error.value) == f"{path}: the jar has 4 bytes instead of 48,309,426; run `freshet setup`"


def test_the_archive_of_another_java_is_not_used(tmp_path: Path) -> None:
    first = settings_with_java(write_java(tmp_path / "one", "17.0.1")).model_copy(update={"cache_dir": tmp_path})
    second = settings_with_java(write_java(tmp_path / "two", "21.0.1")).model_copy(update={"cache_dir": tmp_path})
    requirements.class_archive_path(first).write_bytes(b"archive")
    assert requirements.find_class_archive(first) == requirements.class_archive_path(first)
    assert requirements.find_class_archive(second) is None
