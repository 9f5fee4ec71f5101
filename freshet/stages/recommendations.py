"""The asset `recommendations`, without Dagster: every shopper's list as a table, and as a folder for the gateway."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from freshet.columns import SHOPPER
from freshet.commands import execute, materialize
from freshet.errors import JournalError, LakeError
from freshet.judge.parity import OVERLAP
from freshet.live.bundle import Bundle
from freshet.live.latest import LatestHistories, latest_histories
from freshet.live.precomputed import FOLDER, save_precomputed
from freshet.live.ranker import Ranker, open_ranker
from freshet.live.released import current_release, history_of
from freshet.live.sealed import MANIFEST
from freshet.references import ListsRef
from freshet.settings import Settings
from freshet.stages.lists import arrays_of
from freshet.stages.scoring import Scoring, scored
from freshet.store import Store
from freshet.tables.publication import Publication, publish_whole
from freshet.tables.reading import scan
from freshet.tables.schemas import RECOMMENDATIONS

COMPARED = 64  # shoppers whose list is asked for again, one by one
SEED = 7


class ScoreParams(BaseModel):
    """How many items each list has."""

    model_config = ConfigDict(frozen=True)

    k: int = Field(20, ge=1, le=500, description="items of a list; fewer only where the catalogue has fewer")


@dataclass(frozen=True)
class Sources:
    """What lists are made from: the bundle that serves and the latest histories."""

    bundle: Bundle
    latest: LatestHistories


def publish_lists(
    spark: SparkSession, settings: Settings, store: Store, params: ScoreParams
) -> tuple[Publication, ListsRef | None]:
    """A list for every shopper, published if the gate passes; then the folder that a gateway reads.

    Raises JournalError before the first release, LakeError before the first latest histories.
    """
    sources = _sources(settings, store)
    bundle, latest = sources.bundle, sources.latest
    scoring = Scoring(settings.lake, settings.cache, bundle.id, latest.id, params.k, settings.serving_device)
    rows = scored(spark, scoring, len(latest))
    ranker = open_ranker(bundle, device=settings.serving_device)
    publication = publish_whole(rows, RECOMMENDATIONS, lambda staged: facts(staged, ranker, latest, params.k), settings)
    if publication.snapshot is None:
        return publication, None
    arrays = arrays_of(scan(settings, RECOMMENDATIONS.name, publication.snapshot), bundle.vocabulary, latest, params.k)
    with tempfile.TemporaryDirectory() as temporary:
        name = save_precomputed(arrays, bundle.id, latest.as_of, Path(temporary))
        store.put_folder(Path(temporary), f"{FOLDER}/{name}", MANIFEST)
    return publication, ListsRef(id=name, bundle=bundle.id, as_of=latest.as_of)


def facts(staged: DataFrame, ranker: Ranker, latest: LatestHistories, k: int) -> Mapping[str, object]:
    """What the gate has to know beside the stage's own profile: the bundle's vocabulary, and the ranker's answers."""
    vocabulary = ranker.bundle.vocabulary
    items = staged.select(F.explode("items").alias("item")).groupBy("item").count().select("item").collect()
    index = vocabulary.index_of([row["item"] for row in items])
    places = min(k, len(vocabulary) - int(vocabulary.tombstones.sum()))
    overlap, compared = _overlap(staged, ranker, latest, k)
    needed = OVERLAP[ranker.bundle.manifest.precision]
    return {
        "shoppers": len(latest),
        "off": abs(staged.count() - len(latest)),
        "unknown_items": int((index == 0).sum()),
        "dead_items": int(vocabulary.tombstones[index].sum()),
        "places": places,
        "short": staged.where(F.size("items") != places).count(),
        "compared": compared,
        "overlap": overlap,
        "overlap_needed": needed,
        "parity_missed": max(0.0, needed - overlap),
    }


def _overlap(staged: DataFrame, ranker: Ranker, latest: LatestHistories, k: int) -> tuple[float, int]:
    """(share of their lists that some shoppers get when they are asked one by one, as a gateway asks; how many)."""
    chosen = np.random.default_rng(SEED).permutation(len(latest))[:COMPARED]
    names = [latest.shoppers[place].decode() for place in np.sort(chosen)]
    rows = staged.where(F.col(SHOPPER).isin(names)).select(SHOPPER, "items").collect()
    found = {row[SHOPPER]: set(row["items"]) for row in rows}
    shares = []
    for name in names:
        own = ranker.recommend(history_of(latest.of(name), ranker.bundle.vocabulary), k)[0].item_ids
        shares.append(len(found.get(name, set()) & set(own)) / max(1, len(own)))
    return float(np.mean(shares)) if shares else 1.0, len(names)


def _sources(settings: Settings, store: Store) -> Sources:
    release = current_release(store, settings.cache)
    if release is None:
        fix = f"release a bundle first: {execute('retrain')}"
        raise JournalError("recommendations", "nothing has been released yet", fix)
    latest = latest_histories(store, settings.cache)
    if latest is None:
        raise LakeError("recommendations", "there are no latest histories", f"run {materialize('latest_histories')}")
    return Sources(release.bundle, latest)
