"""Batch scoring in Spark: every task ranks a range of shoppers with the bundle's ranker in onnxruntime.

A task gets shopper indices and reads the histories from the latest histories itself: no data is shuffled, and the
histories are the same bytes that a gateway reads.
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

from freshet.data.history import Ints
from freshet.inference.batch_ranking import RankedLists, slice_histories, top_k_lists
from freshet.inference.bundle import Bundle
from freshet.inference.latest_histories import HISTORIES_FOLDER, LatestHistories, open_latest_histories
from freshet.inference.ranker import Device, open_ranker
from freshet.releases.current import fetch_bundle
from freshet.store import open_store
from freshet.tables.schemas import RECOMMENDATIONS

SHOPPERS_PER_TASK: Final = 5000  # at most: a few seconds of work, so that a lost executor costs little
MAX_TASKS_PER_CORE: Final = 4  # opening an onnxruntime session is not free
RANKER_THREADS: Final = 1  # of onnxruntime: Spark already runs one task per core


@dataclass(frozen=True)
class ScoringJob:
    """The parameters of every task."""

    lake: str
    cache_folder: Path  # on the executor's machine, for bundles of a remote lake
    bundle_id: str
    latest_id: str  # of the latest histories
    k: int
    device: Device = "cpu"


def score_shoppers(spark: SparkSession, job: ScoringJob, n_shoppers: int) -> DataFrame:
    """Return one row of `recommendations` per shopper of the latest histories."""
    cores = spark.sparkContext.defaultParallelism
    n_tasks = max(
        1, min(-(-n_shoppers // SHOPPERS_PER_TASK), MAX_TASKS_PER_CORE * cores), min(cores, n_shoppers // 100)
    )
    shopper_indices = spark.range(0, n_shoppers, 1, n_tasks)
    return shopper_indices.mapInArrow(partial(score_batches, job), RECOMMENDATIONS.spark_schema)


def score_batches(job: ScoringJob, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of batches of shopper indices: the body of a task, with one session for all its batches."""
    bundle, latest, item_indices = _open_inputs(job.lake, job.cache_folder, job.bundle_id, job.latest_id)
    ranker = open_ranker(bundle, device=job.device, threads=RANKER_THREADS)
    for batch in batches:
        if batch.num_rows:
            shopper_indices = batch.column(0)
            start, stop = shopper_indices[0].as_py(), shopper_indices[-1].as_py() + 1  # indices are contiguous
            histories = slice_histories(latest, item_indices, start, stop)
            yield _rows(top_k_lists(ranker, histories, job.k), histories.shoppers, bundle, latest.as_of)


@cache
def _open_inputs(lake: str, cache_folder: Path, bundle_id: str, latest_id: str) -> tuple[Bundle, LatestHistories, Ints]:
    """Fetch and verify bundle and histories once per process."""
    store = open_store(lake)
    fetched_bundle = fetch_bundle(store, bundle_id, cache_folder)
    histories = open_latest_histories(
        store.fetch_folder(f"{HISTORIES_FOLDER}/{latest_id}", cache_folder.expanduser()), latest_id
    )
    return fetched_bundle, histories, fetched_bundle.vocabulary.indices([str(item) for item in histories.item_ids])


def _rows(ranked_lists: RankedLists, shoppers: Any, bundle: Bundle, as_of: date) -> pa.RecordBatch:
    is_filled = ranked_lists.items > 0
    offsets = pa.array(np.concatenate([[0], np.cumsum(is_filled.sum(axis=1))]), pa.int32())
    columns = [
        pa.array(shoppers.tolist(), pa.string()),
        pa.ListArray.from_arrays(offsets, pa.array(bundle.vocabulary.item_ids[ranked_lists.items[is_filled]].tolist())),
        pa.ListArray.from_arrays(offsets, pa.array(ranked_lists.scores[is_filled], pa.float32())),
        pa.array(np.where(ranked_lists.has_history, "sequence", "popular").tolist(), pa.string()),
        pa.array([bundle.id] * len(is_filled), pa.string()),
        pa.array([as_of] * len(is_filled), pa.date32()),
    ]
    return pa.RecordBatch.from_arrays(columns, names=RECOMMENDATIONS.column_names)
