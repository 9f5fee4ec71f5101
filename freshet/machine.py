"""What Spark needs from this machine: Java, two jars and the JVM's class archive. Found here, fetched by set-up."""

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
from freshet.settings import Settings, Surroundings

OLDEST_JAVA, NEWEST_JAVA = 17, 22  # Spark 4.1 stops at a method that Java 23 took away (Subject.getSubject)
JAVA_FOLDERS = Path("/usr/lib/jvm")
JAVA_FIX = "install Java 17 or 21 (`apt install openjdk-17-jre-headless`, or 21) or set FRESHET_JAVA_HOME to one"
VECTOR = "jdk.incubator.vector"  # Spark starts every JVM with it; cut-down runtimes lack it


@dataclass(frozen=True)
class Jar:
    """One library of the JVM, pinned to its content."""

    group: str
    name: str
    version: str
    size: int  # bytes
    sha256: str

    @property
    def coordinate(self) -> str:
        """As Spark's own resolver wants it."""
        return f"{self.group}:{self.name}:{self.version}"

    @property
    def file(self) -> str:
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
class Java:
    """One Java found on this machine. version: its first number (8, 17, 21)."""

    home: Path
    version: int
    has_vector: bool

    @property
    def problem(self) -> str | None:
        """Why Spark cannot run on it; None if it can."""
        if self.version < OLDEST_JAVA:
            return f"Java {self.version} at {self.home} is too old"
        if self.version > NEWEST_JAVA:
            return (
                f"Java {self.version} at {self.home} is too new for Spark, which runs on {OLDEST_JAVA} to {NEWEST_JAVA}"
            )
        return None if self.has_vector else f"Java {self.version} at {self.home} lacks the module {VECTOR}"


def java(settings: Settings) -> Path:
    """The home of the Java that Spark runs on: the one set, else JAVA_HOME, `java` on the PATH, /usr/lib/jvm.

    Raises SetupError if there is none, or if all that were found are too old, too new or cut down.
    """
    problems = []
    for home in _java_homes(settings):
        found = java_at(home)
        if found is not None and found.problem is None:
            return found.home
        problems.append(f"no Java at {home}" if found is None else str(found.problem))
    raise SetupError("Java", "; ".join(problems) or "none found", JAVA_FIX)


def use_java(settings: Settings) -> Path:
    """Make this process start its JVMs on the Java found; Spark's launcher reads nothing but JAVA_HOME.

    Raises SetupError as `java` does.
    """
    home = java(settings)
    os.environ["JAVA_HOME"] = str(home)
    return home


def java_at(home: Path) -> Java | None:
    """The Java installed in a folder, by what it says of itself (0.1 s); None if nothing there runs."""
    said = _said_by(home, "--add-modules", VECTOR, "-version")
    plain = said or _said_by(home, "-version")
    found = re.search(r'version "(?:1\.)?(\d+)', plain)
    return Java(home, int(found.group(1)), has_vector=bool(said)) if found else None


def _said_by(home: Path, *arguments: str) -> str:
    """What `java` prints, or "" where it is absent or refuses the arguments."""
    try:
        answer = subprocess.run(
            [home / "bin" / "java", *arguments], capture_output=True, text=True, check=False, timeout=60
        )
    except OSError:
        return ""
    return answer.stderr + answer.stdout if answer.returncode == 0 else ""


def _java_homes(settings: Settings) -> Iterator[Path]:
    """Where to look, in order. A Java that was asked for by name is the only candidate."""
    if settings.java_home is not None:
        yield settings.java_home
        return
    around = Surroundings()
    if around.java_home is not None:
        yield around.java_home
    on_path = shutil.which("java")
    if on_path is not None:
        yield Path(on_path).resolve().parents[1]
    yield from sorted(folder for folder in JAVA_FOLDERS.glob("*") if (folder / "bin" / "java").exists())


def jars(settings: Settings) -> list[Path]:
    """The jars a Spark session loads, in the cache of this user, checked by size (set-up checks the content).

    Raises SetupError naming the jar that is missing or cut short.
    """
    return [_present(jar, jar_path(settings, jar)) for jar in JARS]


def jar_path(settings: Settings, jar: Jar) -> Path:
    """Where a jar lies once it was fetched."""
    return settings.cache / "jars" / jar.file


def _present(jar: Jar, path: Path) -> Path:
    if not path.exists():
        raise SetupError(str(path), "the jar is missing", "run `freshet setup`")
    size = path.stat().st_size
    if size != jar.size:
        raise SetupError(str(path), f"the jar has {size:,} bytes instead of {jar.size:,}", "run `freshet setup`")
    return path


def class_archive(settings: Settings) -> Path | None:
    """The JVM's class-data archive for this Java and these jars; None if set-up has not made it (only slower)."""
    path = class_archive_path(settings)
    return path if path.exists() else None


def class_archive_path(settings: Settings) -> Path:
    """Where the archive lies: its name holds what it was made of, so another Java or jar never meets a stale one."""
    home = java(settings)
    runtime = home / "lib" / "modules"
    made_of = [str(home.resolve()), str(runtime.stat().st_mtime_ns if runtime.exists() else 0)]
    made_of.append("jars on the class path")  # how a session loads them
    # The JVM maps an archive only for the very class path it was made with, so every installation has its own.
    spark = find_spec("pyspark")
    made_of.append("" if spark is None else str(spark.origin))
    made_of += [jar.sha256 for jar in JARS] + [str(jar_path(settings, jar)) for jar in JARS]
    return settings.cache / f"classes-{hashlib.sha256('|'.join(made_of).encode()).hexdigest()[:16]}.jsa"
