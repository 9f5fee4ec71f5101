"""Lists for all shoppers: shoppers a second through Spark `mapInArrow` against one process.

    python -m benchmarks.batch_scoring [--shoppers 100000] [--items 10000] [--events 20] [--k 20] [--master local[*]]

A model of the default size that has learned nothing, over made-up histories with `events` rows in the mean. Both do the
same work (`stages.scoring.lists`), one onnxruntime thread a task; Spark's start is not counted in. Rows are not kept.
On a machine that does other things at the same time, shoppers per second of processor time are the figure to look at.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.random_bundle import release, write
from benchmarks.report import finish, say
from freshet.live.journal import current
from freshet.live.latest import FOLDER, save_latest
from freshet.live.sealed import MANIFEST
from freshet.settings import Settings
from freshet.stages.scoring import Scoring, lists, scored
from freshet.store import open_store

BATCH = 5000  # shoppers of an Arrow batch in one process


def main() -> None:
    """Make the lake, score it twice, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shoppers", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=20)
    parser.add_argument("--k", type=int, default=20)
    parser.add_argument("--master", default="local[*]")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        scoring = _lake(Path(temporary), asked.shoppers, asked.items, asked.events, asked.k)
        figures = _one_process(scoring, asked.shoppers)
        figures |= _spark(scoring, asked.shoppers, asked.master)
    figures["ratio"] = figures["spark"] / figures["one_process"]
    about = {name: getattr(asked, name) for name in ("shoppers", "items", "events", "k", "master")}
    finish("batch_scoring", {**about, **{name: round(value, 2) for name, value in figures.items()}})


def _lake(root: Path, shoppers: int, items: int, events: int, k: int) -> Scoring:
    say(f"{shoppers:,} histories, {items:,} items")
    files, made, store = root / "bundle", root / "latest", open_store(str(root / "lake"))
    files.mkdir()
    made.mkdir()
    write(files, items)
    release(store, files, "random")
    latest = _latest(made, shoppers, items, events)
    store.put_folder(made, f"{FOLDER}/{latest}", MANIFEST)
    entry = current(store)
    return Scoring(store.root, root / "cache", entry.bundle if entry else "", latest, k)


def _latest(folder: Path, shoppers: int, items: int, events: int) -> str:
    """Lengths are geometric: most shoppers came a few times, some very often."""
    rng = np.random.default_rng(0)
    sizes = np.minimum(rng.geometric(1 / events, shoppers), 400)
    rows = int(sizes.sum())
    arrays = {
        "shoppers": np.array([f"{number:032x}".encode() for number in range(shoppers)]),
        "offsets": np.concatenate([[0], np.cumsum(sizes)]),
        "item_ids": np.array([f"i{number}" for number in range(1, items + 1)]),
        "items": (items * rng.random(rows) ** 3).astype(np.int32),
        "types": rng.integers(1, 4, rows).astype(np.int8),
        "times": np.arange(rows) * 60,
        "days": np.full(rows, 19783, dtype=np.int32),
    }
    return save_latest(arrays, date(2024, 3, 1), folder)


def _one_process(scoring: Scoring, shoppers: int) -> dict[str, float]:
    say("one process")
    begun, worked = time.perf_counter(), time.process_time()
    done = sum(batch.num_rows for batch in lists(scoring, _batches(shoppers)))
    wall, work = time.perf_counter() - begun, time.process_time() - worked
    return {"one_process": done / wall, "one_process_per_processor_second": done / work}


def _batches(shoppers: int) -> Iterator[pa.RecordBatch]:
    for start in range(0, shoppers, BATCH):
        yield pa.record_batch({"id": pa.array(range(start, min(start + BATCH, shoppers)), pa.int64())})


def _spark(scoring: Scoring, shoppers: int, master: str) -> dict[str, float]:
    from freshet.tables import session

    say(f"Spark on {master}")
    begun = time.perf_counter()
    spark = session.start(Settings(_env_file=None, lake=scoring.lake, spark_master=master))
    started = time.perf_counter()
    scored(spark, scoring, shoppers).write.format("noop").mode("overwrite").save()
    seconds = time.perf_counter() - started
    cores = spark.sparkContext.defaultParallelism
    spark.stop()
    return {"spark": shoppers / seconds, "spark_cores": cores, "spark_start_seconds": started - begun}


if __name__ == "__main__":
    main()
