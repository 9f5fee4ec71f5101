"""The jars: fetched once by Spark's own resolver, verified, never fetched again."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from freshet import machine
from freshet.errors import SetupError
from freshet.machine import JARS, Jar
from freshet.settings import Settings

Say = Callable[[str], None]
MB = 1_000_000


def fetch_jars(settings: Settings, say: Say) -> list[Path]:
    """Bring every jar into the cache, by content; nothing is fetched when they are there already.

    say is handed a line whenever there is progress to tell. Raises SetupError when a jar cannot be
    fetched, or when what came is not what was pinned (the file is removed again).
    """
    missing = [jar for jar in JARS if _checksum(machine.jar_path(settings, jar)) != jar.sha256]
    if missing:
        home = machine.java(settings)
        settings.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetching-", dir=settings.cache) as folder:
            _fetch(home, missing, Path(folder), say)
            for jar in missing:
                _take(jar, _fetched(jar, Path(folder)), machine.jar_path(settings, jar))
    return machine.jars(settings)


def _fetch(home: Path, missing: Sequence[Jar], folder: Path, say: Say) -> None:
    """Let Spark's own resolver download, and tell how far it is."""
    names, megabytes = ", ".join(jar.file for jar in missing), sum(jar.size for jar in missing) / MB
    say(f"fetching {names} ({megabytes:.0f} MB)")
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(_resolve, home, missing, folder)
        while not wait([work], timeout=5).done:
            say(f"  {_bytes_under(folder) / MB:.0f} of {megabytes:.0f} MB")
        work.result()


def _resolve(home: Path, missing: Sequence[Jar], folder: Path) -> None:
    """Resolve coordinates as `spark.jars.packages` would, into a private folder, without what they depend on."""
    from py4j.protocol import Py4JError

    coordinates = ",".join(jar.coordinate for jar in missing)
    with _resolver(home, folder) as jvm:
        option, err = jvm.scala.Option, jvm.System.err
        nothing = jvm.scala.jdk.javaapi.CollectionConverters.asScala(jvm.java.util.ArrayList()).toSeq()
        maven = jvm.org.apache.spark.util.MavenUtils
        try:
            ivy = maven.buildIvySettings(option.empty(), option.apply(str(folder)), False, err)
            maven.resolveMavenCoordinates(coordinates, ivy, option.empty(), False, nothing, False, err)
        except Py4JError as error:
            raise SetupError(
                "jars", f"Spark's resolver could not fetch {coordinates}: {_reason(error)}", _fix()
            ) from None


@contextmanager
def _resolver(home: Path, folder: Path) -> Iterator[Any]:
    """A small JVM with Spark's classes. Its home folder is private: a broken ~/.m2 or ~/.ivy2 cannot hurt."""
    from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway

    spark = _spark_jars()
    port, secret = launch_gateway(
        jarpath=str(next(spark.glob("py4j-*.jar"))),
        classpath=str(spark / "*"),
        javaopts=[f"-Duser.home={folder}", "-Djava.net.useSystemProxies=true"],
        java_path=str(home / "bin" / "java"),
        die_on_exit=True,
        enable_auth=True,
    )
    gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port, auth_token=secret))
    try:
        yield gateway.jvm
    finally:
        gateway.shutdown()


def _spark_jars() -> Path:
    """The folder of Spark's own jars inside the installed package, found without importing it."""
    found = find_spec("pyspark")
    if found is None or not found.submodule_search_locations:
        raise SetupError("pyspark", "it is not installed", "run `make setup`")
    return Path(found.submodule_search_locations[0]) / "jars"


def _fetched(jar: Jar, folder: Path) -> Path:
    """Where the resolver put a jar."""
    return folder / "jars" / f"{jar.group}_{jar.file}"


def _take(jar: Jar, fetched: Path, path: Path) -> None:
    """Move a fetched jar to its place if it is the pinned one."""
    found = _checksum(fetched)
    if found != jar.sha256:
        fetched.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        raise SetupError(jar.coordinate, f"its SHA-256 is {found}, pinned is {jar.sha256}; it was removed", _fix())
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(fetched, path)  # same disk: a rename, so a reader sees all of it or nothing


def _checksum(path: Path) -> str | None:
    """The SHA-256 of a file in hex; None if there is none."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _bytes_under(folder: Path) -> int:
    """What has arrived so far. The resolver renames files while we look, so one may be gone again."""
    return sum(path.stat().st_size for path in folder.rglob("*.jar*") if path.exists())


def _reason(error: Exception) -> str:
    """The one line of a Java stack trace that says why."""
    lines = [line.strip(" :") for line in str(error).splitlines() if ":" in line and "\tat " not in line]
    return lines[-1] if lines else type(error).__name__


def _fix() -> str:
    files = " and ".join(jar.file for jar in JARS)
    return f"check the network and run `freshet setup` again, or put {files} into the folder `jars` of FRESHET_CACHE"
