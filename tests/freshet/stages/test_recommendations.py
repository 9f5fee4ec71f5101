"""Lists for all shoppers: the tiny bundle's answers, computed in Spark, and the gate that they go through."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import functions as F

from freshet.errors import JournalError, LakeError, SettingsError
from freshet.live.latest import latest_histories
from freshet.live.precomputed import open_precomputed
from freshet.live.ranker import open_ranker
from freshet.live.released import fetch_bundle
from freshet.stages.recommendations import ScoreParams, facts, publish_lists
from freshet.stages.scoring import Scoring, lists, scored
from freshet.store import open_store
from tests import tiny_gateway, tiny_lake, tiny_lists
from tests.tiny_lists import shopper

pytestmark = pytest.mark.spark

HISTORIES = ("a", "ab?", "?", "bb", "aaac")


@pytest.fixture
def shop(settings, tmp_path):
    """(settings, id of the released bundle): c is delisted."""
    bundle = tiny_gateway.release(settings.lake, tmp_path / "bundle", dead=("c",))
    tiny_lists.publish_latest(settings.lake, tmp_path / "latest", *HISTORIES)
    return settings, bundle


def scoring(shop, k=3, **more):
    settings, bundle = shop
    latest = latest_histories(open_store(settings.lake), settings.cache)
    return Scoring(settings.lake, settings.cache, bundle, latest.id, k, **more)


def test_every_shopper_gets_the_rankers_own_list(shop):
    (rows,) = lists(scoring(shop), [pa.record_batch({"id": pa.array(range(5), pa.int64())})])
    shown = {row["shopper"]: ("".join(row["items"]), row["tier"]) for row in rows.to_pylist()}
    assert shown == {
        shopper(0): ("eab", "sequence"),
        shopper(1): ("fed", "sequence"),  # both halves weigh the same, and later items are a little longer
        shopper(2): ("bed", "popular"),
        shopper(3): ("fdb", "sequence"),
        shopper(4): ("eab", "sequence"),
    }
    assert rows.to_pylist()[0]["scores"] == pytest.approx([1.5, 1.1, 0.0])
    assert {str(row["as_of"]) for row in rows.to_pylist()} == {"2024-03-01"}


def test_a_list_is_as_long_as_what_may_be_shown(shop):
    (rows,) = lists(scoring(shop, k=9), [pa.record_batch({"id": pa.array([4], pa.int64())})])
    assert "".join(rows.to_pylist()[0]["items"]) == "eabdf"


def test_cuda_that_is_not_there_is_an_error_and_not_the_cpu(shop):
    asked = lists(scoring(shop, device="cuda"), [pa.record_batch({"id": pa.array([0], pa.int64())})])
    with pytest.raises(SettingsError) as error:
        list(asked)
    assert str(error.value) == (
        "device: CUDA was asked for and onnxruntime runs on the CPU; "
        "install CUDA 13 and cuDNN 9 on this machine, or ask for the CPU"
    )


def test_before_a_release_or_latest_histories_there_is_nothing_to_ask(spark, settings, tmp_path):
    store = open_store(settings.lake)
    with pytest.raises(JournalError, match="nothing has been released yet; release a bundle first"):
        publish_lists(spark, settings, store, ScoreParams())
    tiny_gateway.release(settings.lake, tmp_path / "bundle")
    with pytest.raises(LakeError, match=r"no latest histories; run `.* --select latest_histories`"):
        publish_lists(spark, settings, store, ScoreParams())


def test_the_table_is_published_and_a_gateway_finds_the_lists_of_those_the_model_knew(spark, shop):
    settings, bundle = shop
    own, store = tiny_lake.session_on(spark, settings), open_store(settings.lake)
    publication, ref = publish_lists(own, settings, store, ScoreParams(k=4))
    assert publication.message() == ""
    assert (publication.rows, ref.bundle, str(ref.as_of)) == (5, bundle, "2024-03-01")
    table = tiny_lake.rows_of(own, "recommendations")
    assert [(row[0], "".join(row[1]), row[3]) for row in table][2:4] == [
        (shopper(2), "beda", "popular"), (shopper(3), "fdba", "sequence"),
    ]  # fmt: skip
    found = open_precomputed(store.fetch_folder(f"recommendations/{ref.id}", Path("unused")), ref.id)
    assert [name.decode() for name in found.shoppers] == [shopper(0), shopper(1), shopper(3), shopper(4)]
    assert found.until.tolist() == [0, 120, 60, 180]
    assert found.items.tolist() == [[5, 1, 2, 4], [6, 5, 4, 2], [6, 4, 2, 1], [5, 1, 2, 4]]


def test_lists_that_are_not_the_rankers_are_seen_by_the_gate(spark, shop):
    settings, bundle = shop
    store = open_store(settings.lake)
    latest = latest_histories(store, settings.cache)
    ranker = open_ranker(fetch_bundle(store, bundle, settings.cache))
    good = scored(tiny_lake.session_on(spark, settings), scoring(shop), 5).localCheckpoint()
    sound = facts(good, ranker, latest, 3)
    assert (sound["overlap"], sound["parity_missed"], sound["off"], sound["short"]) == (1.0, 0.0, 0, 0)
    others = good.withColumn("items", F.array(F.lit("c"), F.lit("x"))).where(F.col("shopper") != shopper(0))
    seen = facts(others, ranker, latest, 3)
    assert {name: seen[name] for name in ("off", "unknown_items", "dead_items", "short", "places")} == {
        "off": 1, "unknown_items": 1, "dead_items": 1, "short": 4, "places": 3,
    }  # fmt: skip
    assert (seen["overlap"], seen["parity_missed"]) == (0.0, 0.99)
