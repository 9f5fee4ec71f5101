"""The installation of Java by apt."""

from pathlib import Path

import pytest

from freshet.errors import SetupError
from freshet.settings import Settings
from freshet.setup import java, requirements


@pytest.fixture
def bare_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without Java whose only programs are those a test puts into the folder returned."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(requirements, "JVM_ROOT", tmp_path / "jvm")
    return programs


def write_program(programs: Path, name: str, script: str) -> None:
    (programs / name).write_text(f"#!/bin/sh\n{script}\n")
    (programs / name).chmod(0o755)


def test_without_apt_the_command_to_type_is_named(bare_programs: Path) -> None:
    with pytest.raises(SetupError) as error:
        java.ensure_java(Settings(_env_file=None), print)
    assert str(error.value) == (
        "Java: none found; install Java 17 or 21 (`apt install openjdk-17-jre-headless`, or 21) "
        "or set FRESHET_JAVA_HOME to one"
    )


def test_packages_that_apt_cannot_install_are_named(bare_programs: Path) -> None:
    write_program(bare_programs, "apt-get", "exit 1")
    write_program(bare_programs, "sudo", 'shift; "$@"')
    write_program(bare_programs, "true", "exit 0")
    write_program(bare_programs, "env", 'shift; "$@"')
    with pytest.raises(SetupError) as error:
        java.ensure_java(Settings(_env_file=None), lambda _: None)
    assert str(error.value).startswith(
        "Java: apt could install none of openjdk-17-jre-headless, openjdk-21-jre-headless; install Java 17 or 21 "
    )


def test_the_second_package_is_taken_where_apt_lacks_the_first(bare_programs: Path, tmp_path: Path) -> None:
    home = tmp_path / "jvm" / "java-21"
    write_program(bare_programs, "sudo", 'shift; "$@"')
    write_program(bare_programs, "true", "exit 0")
    write_program(bare_programs, "env", 'shift; "$@"')
    write_program(tmp_path, "java", "echo 'openjdk version \"21.0.4\"' >&2")
    brings = f"/bin/mkdir -p {home}/bin; /bin/cp {tmp_path}/java {home}/bin/java"
    write_program(bare_programs, "apt-get", f'case "$*" in *openjdk-21*) {brings};; *openjdk-17*) exit 100;; esac')
    assert java.ensure_java(Settings(_env_file=None), lambda _: None) == home
