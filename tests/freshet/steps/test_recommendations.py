"""Batch scoring: lists of the tiny bundle for all shoppers, computed in Spark, and their gate."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import functions as F

from freshet.errors import JournalError, LakeError, SettingsError
from freshet.inference.latest_histories import load_latest_histories
from freshet.inference.precomputed_lists import open_precomputed_lists
from freshet.inference.ranker import open_ranker
from freshet.releases.current import fetch_bundle
from freshet.steps.batch_scoring import ScoringJob, score_batches, score_shoppers
from freshet.steps.recommendations import BatchScoringParams, gate_inputs, publish_recommendations
from freshet.store import open_store
from tests import tiny_gateway, tiny_lake, tiny_lists
from tests.tiny_lists import pseudonym_of

pytestmark = pytest.mark.spark

HISTORY_ITEMS = ("a", "ab?", "?", "bb", "aaac")


@pytest.fixture
def shop(settings, tmp_path):
    """(settings, id of the released bundle): c is delisted."""
    bundle = tiny_gateway.release_tiny_bundle(settings.lake, tmp_path / "bundle", delisted=("c",))
    tiny_lists.publish_latest(settings.lake, tmp_path / "latest", *HISTORY_ITEMS)
    return settings, bundle


def scoring_inputs(shop, k=3, **overrides):
    settings, bundle = shop
    latest = load_latest_histories(open_store(settings.lake), settings.cache_dir)
    return ScoringJob(settings.lake, settings.cache_dir, bundle, latest.id, k, **overrides)


def test_every_shopper_gets_the_rankers_list(shop):
    (rows,) = score_batches(scoring_inputs(shop), [pa.record_batch({"id": pa.array(range(5), pa.int64())})])
    ranked_items = {row["shopper"]: ("".join(row["items"]), row["tier"]) for row in rows.to_pylist()}
    assert ranked_items == {
        pseudonym_of(0): ("eab", "sequence"),
        pseudonym_of(1): ("fed", "sequence"),  # both halves weigh the same, and later items are a little longer
        pseudonym_of(2): ("bed", "popular"),
        pseudonym_of(3): ("fdb", "sequence"),
        pseudonym_of(4): ("eab", "sequence"),
    }
    assert rows.to_pylist()[0]["scores"] == pytest.approx([1.5, 1.1, 0.0])
    assert {str(row["as_of"]) for row in rows.to_pylist()} == {"2024-03-01"}


def test_a_list_holds_every_available_item_if_k_is_larger(shop):
    (rows,) = score_batches(scoring_inputs(shop, k=9), [pa.record_batch({"id": pa.array([4], pa.int64())})])
    assert "".join(rows.to_pylist()[0]["items"]) == "eabdf"


def test_a_missing_cuda_device_is_an_error(shop):
    ranked_lists = score_batches(
        scoring_inputs(shop, device="cuda"), [pa.record_batch({"id": pa.array([0], pa.int64())})]
    )
    with pytest.raises(SettingsError) as error:
        list(ranked_lists)
    assert str(error.value) == (
        "device: CUDA was requested but onnxruntime runs on the CPU; "
        "install CUDA 13 and cuDNN 9 on this machine, or set the device to cpu"
    )


def test_a_release_and_latest_histories_are_required(spark, settings, tmp_path):
    store = open_store(settings.lake)
    with pytest.raises(JournalError, match="nothing has been released yet; release a bundle first"):
        publish_recommendations(spark, settings, store, BatchScoringParams())
    tiny_gateway.release_tiny_bundle(settings.lake, tmp_path / "bundle")
    with pytest.raises(LakeError, match=r"no latest histories; run `.* --select latest_histories`"):
        publish_recommendations(spark, settings, store, BatchScoringParams())


def test_the_table_and_the_gateways_lists_are_published(spark, shop):
    settings, bundle = shop
    session, store = tiny_lake.lake_session(spark, settings), open_store(settings.lake)
    result, ref = publish_recommendations(session, settings, store, BatchScoringParams(k=4))
    assert result.message() == ""
    assert (result.rows, ref.bundle, str(ref.as_of)) == (5, bundle, "2024-03-01")
    table = tiny_lake.published_rows(session, "recommendations")
    assert [(row[0], "".join(row[1]), row[3]) for row in table][2:4] == [
        (pseudonym_of(2), "beda", "popular"), (pseudonym_of(3), "fdba", "sequence"),
    ]  # fmt: skip
    precomputed_lists = open_precomputed_lists(store.fetch_folder(f"recommendations/{ref.id}", Path("unused")), ref.id)
    assert [name.decode() for name in precomputed_lists.shoppers] == [
        pseudonym_of(0),
        pseudonym_of(1),
        pseudonym_of(3),
        pseudonym_of(4),
    ]
    assert precomputed_lists.last_event_times.tolist() == [0, 120, 60, 180]
    assert precomputed_lists.items.tolist() == [[5, 1, 2, 4], [6, 5, 4, 2], [6, 4, 2, 1], [5, 1, 2, 4]]


def test_lists_that_differ_from_the_rankers_fail_the_gate(spark, shop):
    settings, bundle = shop
    store = open_store(settings.lake)
    latest = load_latest_histories(store, settings.cache_dir)
    ranker = open_ranker(fetch_bundle(store, bundle, settings.cache_dir))
    ranked_rows = score_shoppers(tiny_lake.lake_session(spark, settings), scoring_inputs(shop), 5).localCheckpoint()
    correct_counts = gate_inputs(ranked_rows, ranker, latest, 3)
    assert (
        correct_counts["overlap"],
        correct_counts["overlap_shortfall"],
        correct_counts["count_mismatch"],
        correct_counts["short_lists"],
    ) == (1.0, 0.0, 0, 0)
    wrong_rows = ranked_rows.withColumn("items", F.array(F.lit("c"), F.lit("x"))).where(
        F.col("shopper") != pseudonym_of(0)
    )
    list_counts = gate_inputs(wrong_rows, ranker, latest, 3)
    expected = {"count_mismatch": 1, "unknown_items": 1, "delisted_items": 1, "short_lists": 4, "list_length": 3}
    assert {name: list_counts[name] for name in expected} == expected
    assert (list_counts["overlap"], list_counts["overlap_shortfall"]) == (0.0, 0.99)
