"""Build the JVM's class-data archive: Spark's classes are parsed once at set-up, every later session maps them."""

import multiprocessing
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from freshet.settings import Settings
from freshet.setup import requirements

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SparkOptions = Callable[[Settings], dict[str, str]]

MIN_ARCHIVE_BYTES = 10_000_000  # a complete one has at least 60 MB; an interrupted dump leaves less
JVM_TIMEOUT_S = 300
MAX_ARCHIVES = 4  # kept in the cache


def build_archive(settings: Settings, spark_options: SparkOptions, progress: Callable[[str], None]) -> Path | None:
    """Build the archive if it is missing: run one small Iceberg write in its own process and dump its classes.

    spark_options: a module-level function that returns the options of every session of a lake.
    Returns None, with the reason in `progress`, if the JVM made no dump: without it sessions only start more slowly.
    """
    path = requirements.find_class_archive(settings)
    if path is not None:
        return path
    path = requirements.class_archive_path(settings)
    progress("making the JVM's class archive (half a minute, once)")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="archiving-", dir=path.parent) as folder:
        dump_path, log_path = Path(folder) / path.name, Path(folder) / "log"
        lake_settings = settings.model_copy(update={"lake": f"{folder}/lake"})
        _dump_in_process(lake_settings, spark_options, dump_path, log_path)
        if not dump_path.exists() or dump_path.stat().st_size < MIN_ARCHIVE_BYTES:
            log_lines = log_path.read_text(errors="replace").strip().splitlines() if log_path.exists() else []
            reason = log_lines[-1] if log_lines else "it logged nothing"
            progress(f"  the JVM made none ({reason}): sessions only start more slowly")
            return None
        dump_path.replace(path)
    remove_old_archives(path)
    return path


def _dump_in_process(settings: Settings, spark_options: SparkOptions, dump_path: Path, log_path: Path) -> None:
    """Dump from a new JVM in its own process, since this one may have a JVM already; its output goes to a file."""
    arguments = (settings, spark_options, dump_path, log_path)
    process = multiprocessing.get_context("spawn").Process(target=_dump_archive, args=arguments)
    process.start()
    process.join(JVM_TIMEOUT_S)
    if process.is_alive():
        process.kill()
        process.join()


def _dump_archive(settings: Settings, spark_options: SparkOptions, dump_path: Path, log_path: Path) -> None:
    """Start a session with the options of every run, write and read once, and stop the JVM."""
    with log_path.open("w") as log_file:
        os.dup2(log_file.fileno(), 1)  # the JVM writes to the descriptors, not to Python's streams
        os.dup2(log_file.fileno(), 2)
    from pyspark.sql import SparkSession

    requirements.set_java_home(settings)
    options = spark_options(settings)
    options["spark.driver.extraJavaOptions"] += (
        f" -XX:ArchiveClassesAtExit={dump_path} -Xlog:cds=off -Xlog:cds+dynamic=off"
    )
    builder = SparkSession.builder.appName("freshet-setup").master("local[2]")
    for key, value in options.items():
        builder = builder.config(key, value)
    Path(settings.lake).mkdir(parents=True)
    spark = builder.getOrCreate()
    _run_sample_day(spark, settings)
    _stop_spark(spark)


def _run_sample_day(spark: "SparkSession", settings: Settings) -> None:
    """Load the classes of a day's run: read a file, overwrite an Iceberg table, aggregate, use a window, read it."""
    landing = Path(settings.lake) / "clicks.csv"
    landing.write_text("who,what,at\n" + "".join(f"{n % 7},{n % 5},2024-01-01T00:00:{n:02d}Z\n" for n in range(60)))
    clicks = spark.read.option("header", "true").csv(str(landing)).selectExpr("*", "to_date(at) day")
    spark.sql("CREATE NAMESPACE IF NOT EXISTS lake.setup")
    clicks.writeTo("lake.setup.clicks").partitionedBy(clicks["day"]).tableProperty("format-version", "2").create()
    clicks.writeTo("lake.setup.clicks").overwritePartitions()
    spark.sql(
        "SELECT who, count(DISTINCT what), sum(n) FROM"
        " (SELECT *, row_number() OVER (PARTITION BY who ORDER BY at) n FROM lake.setup.clicks) GROUP BY who"
    ).toPandas()
    spark.sql("SELECT * FROM lake.setup.clicks.snapshots").collect()


def _stop_spark(spark: "SparkSession") -> None:
    """Stop Spark and wait until its JVM has ended: it writes the archive as it ends."""
    gateway = spark.sparkContext._gateway
    spark.stop()
    process = getattr(gateway, "proc", None)
    if process is not None:
        process.stdin.close()
        process.wait(JVM_TIMEOUT_S)


def remove_old_archives(path: Path) -> None:
    """Keep `path` and the newest other archives, MAX_ARCHIVES in all: each installation has one, of 200 MB."""
    others = sorted((p for p in path.parent.glob("classes-*.jsa") if p != path), key=lambda p: -p.stat().st_mtime)
    for other in others[MAX_ARCHIVES - 1 :]:
        other.unlink(missing_ok=True)
