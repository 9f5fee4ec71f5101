"""Batch scoring: lists for all shoppers, in shoppers per second, through Spark `mapInArrow` and in one process.

    python -m benchmarks.batch_scoring [--shoppers 100000] [--items 10000] [--events 20] [--k 20] [--master local[*]]

A random model of the default size ranks synthetic histories with `events` events on average. Both do the same work
(`freshet.steps.batch_scoring`) with one onnxruntime thread per task; Spark's start is not included, rows are discarded.
On a busy machine, compare shoppers per second of processor time.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.random_bundle import release_copy, write_bundle
from benchmarks.report import print_progress, print_result
from freshet.inference.array_folder import MANIFEST
from freshet.inference.latest_histories import HISTORIES_FOLDER, save_latest_histories
from freshet.releases.journal import champion_entry
from freshet.settings import Settings
from freshet.steps.batch_scoring import ScoringJob, score_batches, score_shoppers
from freshet.store import open_store

BATCH_SHOPPERS = 5000  # shoppers in an Arrow batch of the one process


def main() -> None:
    """Prepare a lake, score its shoppers in both ways, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shoppers", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=20)
    parser.add_argument("--k", type=int, default=20)
    parser.add_argument("--master", default="local[*]")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        scoring_inputs = _prepare_lake(Path(temporary), args.shoppers, args.items, args.events, args.k)
        figures = _score_in_process(scoring_inputs, args.shoppers)
        figures |= _score_on_spark(scoring_inputs, args.shoppers, args.master)
    figures["ratio"] = figures["spark"] / figures["one_process"]
    settings = {name: getattr(args, name) for name in ("shoppers", "items", "events", "k", "master")}
    print_result("batch_scoring", {**settings, **{name: round(value, 2) for name, value in figures.items()}})


def _prepare_lake(root: Path, shoppers: int, items: int, events: int, k: int) -> ScoringJob:
    print_progress(f"{shoppers:,} histories, {items:,} items")
    bundle_folder, latest_folder, store = root / "bundle", root / "latest", open_store(str(root / "lake"))
    bundle_folder.mkdir()
    latest_folder.mkdir()
    write_bundle(bundle_folder, items)
    release_copy(store, bundle_folder, "random")
    latest = _save_histories(latest_folder, shoppers, items, events)
    store.put_folder(latest_folder, f"{HISTORIES_FOLDER}/{latest}", MANIFEST)
    entry = champion_entry(store)
    return ScoringJob(store.root, root / "cache", entry.bundle if entry else "", latest, k)


def _save_histories(folder: Path, shoppers: int, items: int, events: int) -> str:
    """Save random histories with geometrically distributed lengths; returns their id."""
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
    return save_latest_histories(arrays, date(2024, 3, 1), folder)


def _score_in_process(scoring: ScoringJob, shoppers: int) -> dict[str, float]:
    print_progress("one process")
    wall_start, cpu_start = time.perf_counter(), time.process_time()
    n_scored = sum(batch.num_rows for batch in score_batches(scoring, _id_batches(shoppers)))
    wall, cpu = time.perf_counter() - wall_start, time.process_time() - cpu_start
    return {"one_process": n_scored / wall, "one_process_per_processor_second": n_scored / cpu}


def _id_batches(shoppers: int) -> Iterator[pa.RecordBatch]:
    for start in range(0, shoppers, BATCH_SHOPPERS):
        yield pa.record_batch({"id": pa.array(range(start, min(start + BATCH_SHOPPERS, shoppers)), pa.int64())})


def _score_on_spark(scoring: ScoringJob, shoppers: int, master: str) -> dict[str, float]:
    from freshet.tables import spark_session

    print_progress(f"Spark on {master}")
    start = time.perf_counter()
    spark = spark_session.start_session(Settings(_env_file=None, lake=scoring.lake, spark_master=master))
    scoring_start = time.perf_counter()
    score_shoppers(spark, scoring, shoppers).write.format("noop").mode("overwrite").save()
    seconds = time.perf_counter() - scoring_start
    cores = spark.sparkContext.defaultParallelism
    spark.stop()
    return {"spark": shoppers / seconds, "spark_cores": cores, "spark_start_seconds": scoring_start - start}


if __name__ == "__main__":
    main()
