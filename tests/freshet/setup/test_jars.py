"""The jars of Spark: fetched once, with checksums."""

from pathlib import Path

import pytest

from freshet.errors import SetupError
from freshet.settings import Settings, load
from freshet.setup import jars
from freshet.setup.requirements import JARS, Jar, jar_path

TINY_JAR = Jar("org.example", "tiny", "1.0", 4, "0" * 64)


def test_a_jar_with_another_checksum_is_refused_and_removed(tmp_path: Path) -> None:
    downloaded_file, path = tmp_path / "fetched.jar", tmp_path / "jars" / "tiny-1.0.jar"
    downloaded_file.write_bytes(b"evil")
    with pytest.raises(SetupError) as error:
        jars.install_jar(TINY_JAR, downloaded_file, path)
    checksum = "b5c1fb2efc6d6b4674c2fdcc48ce01b43a3b7c03763c0c3355de0099ee0f8c73"
    assert str(error.value) == (
        f"org.example:tiny:1.0: its SHA-256 is {checksum}, pinned is {'0' * 64}; it was removed; "
        "check the network and run `freshet setup` again, or put iceberg-spark-runtime-4.1_2.13-1.12.0.jar "
        "and sqlite-jdbc-3.54.1.0.jar into the folder `jars` of FRESHET_CACHE_DIR"
    )
    assert not downloaded_file.exists()
    assert not path.exists()


def test_existing_jars_are_not_fetched_again() -> None:
    settings = load()
    if not all(jar_path(settings, jar).exists() for jar in JARS):
        pytest.skip("run `freshet setup` first")
    lines: list[str] = []
    assert jars.fetch_jars(settings, lines.append) == [jar_path(settings, jar) for jar in JARS]
    assert lines == []


@pytest.mark.spark
def test_a_jar_that_cannot_be_resolved_is_named_with_the_fix(tmp_path: Path) -> None:
    from freshet.setup import requirements

    with pytest.raises(SetupError) as error:
        jars.resolve_jars(requirements.find_java(Settings(_env_file=None)), [TINY_JAR], tmp_path)
    assert str(error.value) == (
        "jars: Spark's resolver could not fetch org.example:tiny:1.0: "
        "java.lang.RuntimeException: [unresolved dependency: org.example#tiny;1.0: not found]; "
        "check the network and run `freshet setup` again, or put iceberg-spark-runtime-4.1_2.13-1.12.0.jar "
        "and sqlite-jdbc-3.54.1.0.jar into the folder `jars` of FRESHET_CACHE_DIR"
    )
