"""Lists for all shoppers through onnxruntime in Spark: every task opens the bundle's own ranker and asks it.

A task gets numbers of shoppers and reads their histories out of the latest histories itself: nothing is shuffled, and
the histories are byte for byte those that a gateway reads.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from freshet.history import Ints
from freshet.live.batch import Lists, best_of, histories_between
from freshet.live.bundle import Bundle
from freshet.live.latest import FOLDER, LatestHistories, open_latest
from freshet.live.ranker import Device, open_ranker
from freshet.live.released import fetch_bundle
from freshet.store import open_store
from freshet.tables.schemas import RECOMMENDATIONS

SHOPPERS: Final = 5000  # of one task, where there are many: some seconds, so that a lost executor costs little
TASKS: Final = 4  # for every core, at most: opening a session is cheap, not free
THREADS: Final = 1  # of onnxruntime in a task: Spark has one task a core already


@dataclass(frozen=True)
class Scoring:
    """What every task has to know. cache: where bundles of a remote lake are kept on the executor's machine."""

    lake: str
    cache: Path
    bundle: str
    latest: str
    k: int
    device: Device = "cpu"


def scored(spark: SparkSession, scoring: Scoring, shoppers: int) -> DataFrame:
    """A row of `recommendations` per shopper of the latest histories, of whom there are so many."""
    cores = spark.sparkContext.defaultParallelism
    tasks = max(1, min(-(-shoppers // SHOPPERS), TASKS * cores), min(cores, shoppers // 100))
    numbers = spark.range(0, shoppers, 1, tasks)
    return numbers.mapInArrow(partial(lists, scoring), RECOMMENDATIONS.struct)


def lists(scoring: Scoring, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The rows for batches of shoppers' numbers: what a task does, with one session for all its batches."""
    bundle, latest, index = _opened(scoring.lake, scoring.cache, scoring.bundle, scoring.latest)
    ranker = open_ranker(bundle, device=scoring.device, threads=THREADS)
    for batch in batches:
        if batch.num_rows:
            numbers = batch.column(0)
            start, stop = numbers[0].as_py(), numbers[-1].as_py() + 1  # a range: nothing lies between
            histories = histories_between(latest, index, start, stop)
            yield _rows(best_of(ranker, histories, scoring.k), histories.shoppers, bundle, latest.as_of)


@cache
def _opened(lake: str, kept: Path, bundle: str, latest: str) -> tuple[Bundle, LatestHistories, Ints]:
    """Fetched and verified once in a process, however many tasks it runs."""
    store = open_store(lake)
    opened = fetch_bundle(store, bundle, kept)
    histories = open_latest(store.fetch_folder(f"{FOLDER}/{latest}", kept.expanduser()), latest)
    return opened, histories, opened.vocabulary.index_of([str(item) for item in histories.item_ids])


def _rows(found: Lists, shoppers: Any, bundle: Bundle, as_of: date) -> pa.RecordBatch:
    there = found.items > 0
    offsets = pa.array(np.concatenate([[0], np.cumsum(there.sum(axis=1))]), pa.int32())
    columns = [
        pa.array(shoppers.tolist(), pa.string()),
        pa.ListArray.from_arrays(offsets, pa.array(bundle.vocabulary.item_ids[found.items[there]].tolist())),
        pa.ListArray.from_arrays(offsets, pa.array(found.scores[there], pa.float32())),
        pa.array(np.where(found.known, "sequence", "popular").tolist(), pa.string()),
        pa.array([bundle.id] * len(there), pa.string()),
        pa.array([as_of] * len(there), pa.date32()),
    ]
    return pa.RecordBatch.from_arrays(columns, names=RECOMMENDATIONS.names)
