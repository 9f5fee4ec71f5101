"""Fetch the jars once with Spark's own resolver and verify them."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from freshet.errors import SetupError
from freshet.settings import Settings
from freshet.setup import requirements
from freshet.setup.requirements import JARS, Jar

Progress = Callable[[str], None]
MB = 1_000_000


def fetch_jars(settings: Settings, progress: Progress) -> list[Path]:
    """Fetch every jar that the cache lacks, by its checksum; return the paths of all of them.

    progress: called with a line of text. Raises SetupError if a jar cannot be fetched, or if it is not the pinned one
    (the file is removed then).
    """
    missing = [jar for jar in JARS if _checksum(requirements.jar_path(settings, jar)) != jar.sha256]
    if missing:
        java_home = requirements.find_java(settings)
        settings.cache_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetching-", dir=settings.cache_dir) as folder:
            _download_jars(java_home, missing, Path(folder), progress)
            for jar in missing:
                install_jar(jar, _downloaded_path(jar, Path(folder)), requirements.jar_path(settings, jar))
    return requirements.require_jars(settings)


def _download_jars(java_home: Path, missing: Sequence[Jar], folder: Path, progress: Progress) -> None:
    """Download with Spark's own resolver, and report the progress."""
    names, megabytes = ", ".join(jar.filename for jar in missing), sum(jar.size for jar in missing) / MB
    progress(f"fetching {names} ({megabytes:.0f} MB)")
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(resolve_jars, java_home, missing, folder)
        while not wait([future], timeout=5).done:
            progress(f"  {_bytes_under(folder) / MB:.0f} of {megabytes:.0f} MB")
        future.result()


def resolve_jars(java_home: Path, missing: Sequence[Jar], folder: Path) -> None:
    """Resolve coordinates as `spark.jars.packages` would, into a private folder, without their dependencies."""
    from py4j.protocol import Py4JError

    coordinates = ",".join(jar.coordinate for jar in missing)
    with _resolver_jvm(java_home, folder) as jvm:
        option, err = jvm.scala.Option, jvm.System.err
        exclusions = jvm.scala.jdk.javaapi.CollectionConverters.asScala(jvm.java.util.ArrayList()).toSeq()
        maven_utils = jvm.org.apache.spark.util.MavenUtils
        try:
            ivy = maven_utils.buildIvySettings(option.empty(), option.apply(str(folder)), False, err)
            maven_utils.resolveMavenCoordinates(coordinates, ivy, option.empty(), False, exclusions, False, err)
        except Py4JError as error:
            raise SetupError(
                "jars", f"Spark's resolver could not fetch {coordinates}: {_reason(error)}", _fix_text()
            ) from None


@contextmanager
def _resolver_jvm(java_home: Path, folder: Path) -> Iterator[Any]:
    """A small JVM with Spark's classes. Its home folder is private, so that a broken ~/.m2 or ~/.ivy2 has no effect."""
    from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway

    spark_folder = _spark_jars_folder()
    port, secret = launch_gateway(
        jarpath=str(next(spark_folder.glob("py4j-*.jar"))),
        classpath=str(spark_folder / "*"),
        javaopts=[f"-Duser.home={folder}", "-Djava.net.useSystemProxies=true"],
        java_path=str(java_home / "bin" / "java"),
        die_on_exit=True,
        enable_auth=True,
    )
    gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port, auth_token=secret))
    try:
        yield gateway.jvm
    finally:
        gateway.shutdown()


def _spark_jars_folder() -> Path:
    """The folder of Spark's own jars in the installed package, without importing it."""
    spec = find_spec("pyspark")
    if spec is None or not spec.submodule_search_locations:
        raise SetupError("pyspark", "it is not installed", "run `make setup`")
    return Path(spec.submodule_search_locations[0]) / "jars"


def _downloaded_path(jar: Jar, folder: Path) -> Path:
    """The path at which the resolver stores a jar."""
    return folder / "jars" / f"{jar.group}_{jar.filename}"


def install_jar(jar: Jar, download: Path, path: Path) -> None:
    """Move a fetched jar into the cache if it is the pinned one."""
    checksum = _checksum(download)
    if checksum != jar.sha256:
        download.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        raise SetupError(
            jar.coordinate, f"its SHA-256 is {checksum}, pinned is {jar.sha256}; it was removed", _fix_text()
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(download, path)  # on the same disk a rename: a reader never sees a part of it


def _checksum(path: Path) -> str | None:
    """The SHA-256 of a file in hex; None if there is none."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _bytes_under(folder: Path) -> int:
    """The bytes downloaded so far. The resolver renames files meanwhile, so a listed one may be gone."""
    return sum(path.stat().st_size for path in folder.rglob("*.jar*") if path.exists())


def _reason(error: Exception) -> str:
    """The line of a Java stack trace that names the reason."""
    lines = [line.strip(" :") for line in str(error).splitlines() if ":" in line and "\tat " not in line]
    return lines[-1] if lines else type(error).__name__


def _fix_text() -> str:
    files = " and ".join(jar.filename for jar in JARS)
    return (
        f"check the network and run `freshet setup` again, or put {files} into the folder `jars` of FRESHET_CACHE_DIR"
    )
