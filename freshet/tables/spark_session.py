"""The Spark session of a lake: Iceberg catalog, quiet logs, sized for one machine by default."""

import sys
from pathlib import Path
from typing import Final

from pyspark.sql import SparkSession

from freshet import lake_checks
from freshet.landing import EVENTS_PREFIX, MAX_TASK_FILE_BYTES
from freshet.settings import Settings
from freshet.setup import requirements
from freshet.tables import jvm

CATALOG_NAME = "lake"
LARGE_LAKE_BYTES: Final = 32_000_000  # landed
# Short jobs are 20–40 % faster without the JVM's second compiler. With millions of rows it saves a quarter of the work,
# if it compiles only code that runs very often (`python -m benchmarks.tables`).
FIRST_COMPILER_ONLY: Final = ("-XX:TieredStopAtLevel=1",)
LATE_SECOND_COMPILER: Final = (
    "-XX:Tier4InvocationThreshold=100000",
    "-XX:Tier4MinInvocationThreshold=20000",
    "-XX:Tier4CompileThreshold=300000",
    "-XX:Tier4BackEdgeThreshold=800000",
)


def start_session(settings: Settings) -> SparkSession:
    """Return a session with the lake's catalog mounted as `lake`; takes about 5 s the first time in a process.

    Raises SetupError if Java or the jars are missing.
    """
    requirements.set_java_home(settings)
    builder = SparkSession.builder.appName("freshet").master(settings.spark_master)
    session_options = spark_options(settings)
    for key, value in session_options.items():
        builder = builder.config(key, value)
    jvm.launch_jvm({"spark.master": settings.spark_master, "spark.app.name": "freshet", **session_options})
    session = builder.getOrCreate()
    if settings.spark_master.startswith("local"):
        session.sparkContext.pythonExec = sys.executable  # `python3` on the PATH may be another, without our libraries
    return session


def spark_options(settings: Settings) -> dict[str, str]:
    """Return every Spark option that Freshet sets, for the session and for the class archive made at set-up."""
    return {
        **_jars(settings),
        "spark.driver.memory": settings.spark_memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": " ".join(_java_options(settings)),
        # A task keeps a core busy already: more threads in it would only wait for each other.
        **{f"spark.executorEnv.{name}": "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")},
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        # A value that cannot be cast must become null and go to quarantine with a reason, not kill the day.
        "spark.sql.ansi.enabled": "false",
        # One file per task: a row's number in its task is its number in its file, so no sort is needed.
        "spark.sql.files.maxPartitionBytes": str(MAX_TASK_FILE_BYTES),
        "spark.sql.files.openCostInBytes": str(MAX_TASK_FILE_BYTES),
        # Spark has no type for nanoseconds, which pandas writes: it reads integers and `read_landing` makes them times.
        "spark.sql.legacy.parquet.nanosAsLong": "true",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.adaptive.enabled": "false",  # a day's tables are small: re-planning costs more than it saves
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        **_catalog(settings),
    }


def _is_large_lake(settings: Settings) -> bool:
    """Whether so much has landed that the second compiler saves time. A gz file counts eight times its size."""
    if "://" in settings.lake:
        return True
    landed_files = ((path.stat().st_size, path.suffix) for path in (Path(settings.lake) / EVENTS_PREFIX).glob("dt=*/*"))
    return sum(size * (8 if suffix == ".gz" else 1) for size, suffix in landed_files) >= LARGE_LAKE_BYTES


def _jars(settings: Settings) -> dict[str, str]:
    """The jars; on one machine on the JVM's own class path, whose classes can be archived (saves 1.2 s a session)."""
    jars = [str(jar) for jar in requirements.require_jars(settings)]
    if settings.spark_master.startswith("local"):
        return {"spark.driver.extraClassPath": ":".join(jars)}
    return {"spark.jars": ",".join(jars)}


def _java_options(settings: Settings) -> list[str]:
    archive = requirements.find_class_archive(settings)
    return [
        *(LATE_SECOND_COMPILER if _is_large_lake(settings) else FIRST_COMPILER_ONLY),
        # FIRST_COMPILER_ONLY leaves 48 MB for compiled code; once full, a long run is interpreted, many times slower.
        "-XX:ReservedCodeCacheSize=256m",
        *(
            [f"-XX:SharedArchiveFile={archive}", "-Xshare:auto", "-Xlog:cds=off", "-Xlog:class+path=off"]
            if archive
            else []
        ),
        f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties')}",
        f"-Dderby.system.home={settings.cache_dir / 'derby'}",
    ]


def _catalog(settings: Settings) -> dict[str, str]:
    prefix = f"spark.sql.catalog.{CATALOG_NAME}"
    database = Path(settings.lake) / lake_checks.CATALOG_FILE
    return {
        prefix: "org.apache.iceberg.spark.SparkCatalog",
        f"{prefix}.type": "jdbc",
        # Several processes use the SQLite file: WAL, and wait for a lock instead of failing.
        f"{prefix}.uri": f"jdbc:sqlite:{database}?journal_mode=WAL&busy_timeout=30000&synchronous=FULL",
        f"{prefix}.jdbc.schema-version": "V1",
        f"{prefix}.warehouse": f"{settings.lake}/tables",
        f"{prefix}.cache-enabled": "false",  # another process may publish: a cached table would be stale
    }
