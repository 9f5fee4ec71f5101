"""Find what Spark needs on this machine: Java, two jars and the JVM's class archive. Set-up fetches them."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from freshet.errors import SetupError
from freshet.settings import ForeignEnvironment, Settings

MIN_JAVA_VERSION, MAX_JAVA_VERSION = 17, 22  # Spark 4.1 calls a method that Java 23 removed (Subject.getSubject)
JVM_ROOT = Path("/usr/lib/jvm")
JAVA_FIX = "install Java 17 or 21 (`apt install openjdk-17-jre-headless`, or 21) or set FRESHET_JAVA_HOME to one"
VECTOR_MODULE = "jdk.incubator.vector"  # Spark starts every JVM with it; reduced runtimes lack it


@dataclass(frozen=True)
class Jar:
    """One Java library, pinned to its content."""

    group: str
    name: str
    version: str
    size: int  # bytes
    sha256: str

    @property
    def coordinate(self) -> str:
        """Its Maven coordinate."""
        return f"{self.group}:{self.name}:{self.version}"

    @property
    def filename(self) -> str:
        """The file's name in the cache."""
        return f"{self.name}-{self.version}.jar"


JARS = (
    Jar(
        "org.apache.iceberg",
        "iceberg-spark-runtime-4.1_2.13",
        "1.12.0",
        48_309_426,
        "3123c3798af642dd537230923548e013ef41cc28b6626e5225808cf5670a0f82",
    ),
    Jar(
        "org.xerial",
        "sqlite-jdbc",
        "3.54.1.0",
        12_132_578,
        "f8dce420a6016278497f4f0560f65602b9db858de141b541cf91a4644ebe4639",
    ),
)


@dataclass(frozen=True)
class JavaInstallation:
    """A Java on this machine. version: its major version (8, 17, 21)."""

    home: Path
    version: int
    has_vector_module: bool

    @property
    def problem(self) -> str | None:
        """The reason why Spark cannot run on it; None if it can."""
        if self.version < MIN_JAVA_VERSION:
            return f"Java {self.version} at {self.home} is too old"
        if self.version > MAX_JAVA_VERSION:
            versions = f"{MIN_JAVA_VERSION} to {MAX_JAVA_VERSION}"
            return f"Java {self.version} at {self.home} is too new for Spark, which runs on {versions}"
        return (
            None if self.has_vector_module else f"Java {self.version} at {self.home} lacks the module {VECTOR_MODULE}"
        )


def find_java(settings: Settings) -> Path:
    """Return the home of the Java that Spark runs on: the configured one, else JAVA_HOME, the PATH, /usr/lib/jvm.

    Raises SetupError if there is none, or if every one is too old, too new or lacks a module.
    """
    problems = []
    for home in _candidate_homes(settings):
        installation = inspect_java(home)
        if installation is not None and installation.problem is None:
            return installation.home
        problems.append(f"no Java at {home}" if installation is None else str(installation.problem))
    raise SetupError("Java", "; ".join(problems) or "none found", JAVA_FIX)


def set_java_home(settings: Settings) -> Path:
    """Set JAVA_HOME of this process, which Spark's launcher reads, to the Java of `find_java`.

    Raises SetupError as `find_java` does.
    """
    home = find_java(settings)
    os.environ["JAVA_HOME"] = str(home)
    return home


def inspect_java(home: Path) -> JavaInstallation | None:
    """Return the Java in a folder, by its own output (0.1 s); None if there is none that runs."""
    with_module = _java_output(home, "--add-modules", VECTOR_MODULE, "-version")
    output = with_module or _java_output(home, "-version")
    match = re.search(r'version "(?:1\.)?(\d+)', output)
    return JavaInstallation(home, int(match.group(1)), has_vector_module=bool(with_module)) if match else None


def _java_output(home: Path, *arguments: str) -> str:
    """The output of `java`; "" if it is absent or refuses the arguments."""
    try:
        result = subprocess.run(
            [home / "bin" / "java", *arguments], capture_output=True, text=True, check=False, timeout=60
        )
    except OSError:
        return ""
    return result.stderr + result.stdout if result.returncode == 0 else ""


def _candidate_homes(settings: Settings) -> Iterator[Path]:
    """The folders to inspect, in order. A configured Java is the only candidate."""
    if settings.java_home is not None:
        yield settings.java_home
        return
    environment = ForeignEnvironment()
    if environment.java_home is not None:
        yield environment.java_home
    on_path = shutil.which("java")
    if on_path is not None:
        yield Path(on_path).resolve().parents[1]
    yield from sorted(folder for folder in JVM_ROOT.glob("*") if (folder / "bin" / "java").exists())


def require_jars(settings: Settings) -> list[Path]:
    """Return the jars of a Spark session in this user's cache, checked by size (set-up checks the content).

    Raises SetupError naming the jar that is missing or truncated.
    """
    return [_check_jar(jar, jar_path(settings, jar)) for jar in JARS]


def jar_path(settings: Settings, jar: Jar) -> Path:
    """Return the path of a jar in the cache."""
    return settings.cache_dir / "jars" / jar.filename


def _check_jar(jar: Jar, path: Path) -> Path:
    if not path.exists():
        raise SetupError(str(path), "the jar is missing", "run `freshet setup`")
    size = path.stat().st_size
    if size != jar.size:
        raise SetupError(str(path), f"the jar has {size:,} bytes instead of {jar.size:,}", "run `freshet setup`")
    return path


def find_class_archive(settings: Settings) -> Path | None:
    """Return the JVM's class-data archive for this Java and these jars; None: sessions start more slowly."""
    path = class_archive_path(settings)
    return path if path.exists() else None


def class_archive_path(settings: Settings) -> Path:
    """Return the archive's path. Its name is a hash of Java, jars and class path: a change makes another archive."""
    home = find_java(settings)
    runtime = home / "lib" / "modules"
    key_parts = [str(home.resolve()), str(runtime.stat().st_mtime_ns if runtime.exists() else 0)]
    key_parts.append("jars on the class path")  # how a session loads them
    # The JVM maps an archive only for exactly the class path it was made with, so every installation has its own.
    spark = find_spec("pyspark")
    key_parts.append("" if spark is None else str(spark.origin))
    key_parts += [jar.sha256 for jar in JARS] + [str(jar_path(settings, jar)) for jar in JARS]
    return settings.cache_dir / f"classes-{hashlib.sha256('|'.join(key_parts).encode()).hexdigest()[:16]}.jsa"
