"""The asset `recommendations`: a list for every shopper, as a table and as a folder for the gateway."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from freshet.artifacts import RecommendationsRef
from freshet.commands import execute_job_command, materialize_command
from freshet.data.columns import SHOPPER
from freshet.data.history_events import to_history
from freshet.errors import JournalError, LakeError
from freshet.inference.array_folder import MANIFEST
from freshet.inference.bundle import Bundle
from freshet.inference.latest_histories import LatestHistories, load_latest_histories
from freshet.inference.precomputed_lists import LISTS_FOLDER, save_precomputed_lists
from freshet.inference.ranker import Ranker, open_ranker
from freshet.publishing.publish import PublishResult, publish_unpartitioned
from freshet.releases.current import current_release
from freshet.settings import Settings
from freshet.steps.batch_scoring import ScoringJob, score_shoppers
from freshet.steps.precomputed_lists import precomputed_arrays
from freshet.store import Store
from freshet.tables.reader import scan_table
from freshet.tables.schemas import RECOMMENDATIONS
from freshet.verification.parity import MIN_OVERLAP

OVERLAP_SHOPPERS = 64  # shoppers whose list is ranked again on its own
OVERLAP_SEED = 7


class BatchScoringParams(BaseModel):
    """Parameters of batch scoring."""

    model_config = ConfigDict(frozen=True)

    k: int = Field(20, ge=1, le=500, description="items per list; fewer only if the catalogue has fewer")


@dataclass(frozen=True)
class ScoringInputs:
    """The champion's bundle and the latest histories."""

    bundle: Bundle
    latest_histories: LatestHistories


def publish_recommendations(
    spark: SparkSession, settings: Settings, store: Store, params: BatchScoringParams
) -> tuple[PublishResult, RecommendationsRef | None]:
    """Rank a list for every shopper and publish the table if the gate passes; then store the folder for the gateway.

    Raises JournalError if there is no release yet, LakeError if there are no latest histories yet.
    """
    inputs = _load_inputs(settings, store)
    bundle, latest = inputs.bundle, inputs.latest_histories
    job = ScoringJob(
        lake=settings.lake,
        cache_folder=settings.cache_dir,
        bundle_id=bundle.id,
        latest_id=latest.id,
        k=params.k,
        device=settings.serving_device,
    )
    rows = score_shoppers(spark, job, len(latest))
    ranker = open_ranker(bundle, device=settings.serving_device)
    result = publish_unpartitioned(
        rows, RECOMMENDATIONS, lambda staged: gate_inputs(staged, ranker, latest, params.k), settings
    )
    if result.snapshot is None:
        return result, None
    arrays = precomputed_arrays(
        scan_table(settings, RECOMMENDATIONS.name, result.snapshot), bundle.vocabulary, latest, params.k
    )
    with tempfile.TemporaryDirectory() as temporary:
        lists_id = save_precomputed_lists(arrays, bundle.id, latest.as_of, Path(temporary))
        store.put_folder(Path(temporary), f"{LISTS_FOLDER}/{lists_id}", MANIFEST)
    return result, RecommendationsRef(id=lists_id, bundle=bundle.id, as_of=latest.as_of)


def gate_inputs(staged: DataFrame, ranker: Ranker, latest: LatestHistories, k: int) -> Mapping[str, object]:
    """Return the gate's inputs that need the bundle: unknown items, list lengths, overlap with the online ranker."""
    vocabulary = ranker.bundle.vocabulary
    items = staged.select(F.explode("items").alias("item")).groupBy("item").count().select("item").collect()
    item_indices = vocabulary.indices([row["item"] for row in items])
    list_length = min(k, len(vocabulary) - int(vocabulary.delisted.sum()))
    overlap, n_compared = _overlap(staged, ranker, latest, k)
    min_overlap = MIN_OVERLAP[ranker.bundle.manifest.precision]
    return {
        "shoppers": len(latest),
        "count_mismatch": abs(staged.count() - len(latest)),
        "unknown_items": int((item_indices == 0).sum()),
        "delisted_items": int(vocabulary.delisted[item_indices].sum()),
        "list_length": list_length,
        "short_lists": staged.where(F.size("items") != list_length).count(),
        "compared": n_compared,
        "overlap": overlap,
        "min_overlap": min_overlap,
        "overlap_shortfall": max(0.0, min_overlap - overlap),
    }


def _overlap(staged: DataFrame, ranker: Ranker, latest: LatestHistories, k: int) -> tuple[float, int]:
    """Return (mean overlap of batch lists with those of the ranker for one shopper at a time, shoppers compared)."""
    sample = np.random.default_rng(OVERLAP_SEED).permutation(len(latest))[:OVERLAP_SHOPPERS]
    shoppers = [latest.shoppers[shopper_index].decode() for shopper_index in np.sort(sample)]
    rows = staged.where(F.col(SHOPPER).isin(shoppers)).select(SHOPPER, "items").collect()
    batch_lists = {row[SHOPPER]: set(row["items"]) for row in rows}
    overlaps = []
    for shopper in shoppers:
        online_list = ranker.recommend(to_history(latest.for_shopper(shopper), ranker.bundle.vocabulary), k)[0].item_ids
        overlaps.append(len(batch_lists.get(shopper, set()) & set(online_list)) / max(1, len(online_list)))
    return float(np.mean(overlaps)) if overlaps else 1.0, len(shoppers)


def _load_inputs(settings: Settings, store: Store) -> ScoringInputs:
    release = current_release(store, settings.cache_dir)
    if release is None:
        fix = f"release a bundle first: {execute_job_command('retrain')}"
        raise JournalError("recommendations", "nothing has been released yet", fix)
    latest = load_latest_histories(store, settings.cache_dir)
    if latest is None:
        raise LakeError(
            "recommendations", "there are no latest histories", f"run {materialize_command('latest_histories')}"
        )
    return ScoringInputs(release.bundle, latest)
