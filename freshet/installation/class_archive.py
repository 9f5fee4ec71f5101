"""The JVM's class-data archive: Spark's classes parsed once at set-up, mapped by every session after it."""

import multiprocessing
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from freshet import machine
from freshet.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FEWEST_BYTES = 10_000_000  # a real one has 60 MB and more; less is what an interrupted dump leaves
LONGEST = 300  # seconds
KEPT = 4


def make(settings: Settings, say: Callable[[str], None]) -> Path | None:
    """Make the archive unless it is there: one small Iceberg write in a process of its own, dumped at its end.

    Returns None, and says why, when the JVM would not dump: the archive only saves seconds, so its lack stops nobody.
    """
    path = machine.class_archive(settings)
    if path is not None:
        return path
    path = machine.class_archive_path(settings)
    say("making the JVM's class archive (half a minute, once)")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="archiving-", dir=path.parent) as folder:
        dumped, log = Path(folder) / path.name, Path(folder) / "log"
        _in_a_process(settings.model_copy(update={"lake": f"{folder}/lake"}), dumped, log)
        if not dumped.exists() or dumped.stat().st_size < FEWEST_BYTES:
            said = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
            say(f"  the JVM made none ({said[-1] if said else 'it said nothing'}): sessions only start slower")
            return None
        dumped.replace(path)
    _drop_old(path)
    return path


def _in_a_process(settings: Settings, dumped: Path, log: Path) -> None:
    """A fresh JVM, whatever this process has running, and its chatter in a file."""
    process = multiprocessing.get_context("spawn").Process(target=_write_once, args=(settings, dumped, log))
    process.start()
    process.join(LONGEST)
    if process.is_alive():
        process.kill()
        process.join()


def _write_once(settings: Settings, dumped: Path, log: Path) -> None:
    """A session as every run starts it, the first write and read of it, and the JVM's end."""
    with log.open("w") as chatter:
        os.dup2(chatter.fileno(), 1)  # the JVM writes to the descriptors, not to Python's streams
        os.dup2(chatter.fileno(), 2)
    from pyspark.sql import SparkSession

    from freshet.tables import session

    machine.use_java(settings)
    options = session.options(settings)
    options["spark.driver.extraJavaOptions"] += (
        f" -XX:ArchiveClassesAtExit={dumped} -Xlog:cds=off -Xlog:cds+dynamic=off"
    )
    builder = SparkSession.builder.appName("freshet-setup").master("local[2]")
    for key, value in options.items():
        builder = builder.config(key, value)
    Path(settings.lake).mkdir(parents=True)
    spark = builder.getOrCreate()
    _small_day(spark, settings)
    _end(spark)


def _small_day(spark: "SparkSession", settings: Settings) -> None:
    """Touch what a day's run touches: files in, an Iceberg overwrite, aggregates, windows, a read."""
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


def _end(spark: "SparkSession") -> None:
    """Stop Spark, and wait until its JVM is gone: only then is the archive written."""
    gateway = spark.sparkContext._gateway
    spark.stop()
    process = getattr(gateway, "proc", None)
    if process is not None:
        process.stdin.close()
        process.wait(LONGEST)


def _drop_old(path: Path) -> None:
    """Every installation on the machine has an archive of 200 MB; of more than KEPT the oldest go."""
    others = sorted((p for p in path.parent.glob("classes-*.jsa") if p != path), key=lambda p: -p.stat().st_mtime)
    for other in others[KEPT - 1 :]:
        other.unlink(missing_ok=True)
