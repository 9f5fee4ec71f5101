"""The ranker on the tiny bundle: lists, tiers, exclusions and batches."""

import numpy as np
import onnxruntime
import pytest

from freshet.errors import BundleError, SettingsError
from freshet.inference import encoder_batches, scoring
from freshet.inference.bundle import open_bundle
from freshet.inference.manifest import BundleInfo, write_manifest
from freshet.inference.ranker import open_ranker
from tests.tiny_bundle import encoder_input, view_histories, write_bundle, write_encoder

REBUILD_FIX = 'materialize the asset `bundle` again, or go back to an intact release: `freshet rollback --why "…"`'


@pytest.fixture(scope="module")
def ranker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder)
    return open_ranker(open_bundle(folder))


def test_even_shoppers_get_even_items_and_odd_ones_odd(ranker):
    even_list, odd_list = ranker.recommend(view_histories(["b"], ["a", "c"]), 3)
    assert even_list.item_ids == ("f", "d", "b")
    assert even_list.scores == pytest.approx((1.6, 1.4, 1.2))
    assert odd_list.item_ids == ("e", "c", "a")
    assert (even_list.tier, odd_list.tier) == ("sequence", "sequence")


def test_an_unknown_shopper_is_ranked_by_popularity(ranker):
    unknown, without_history = ranker.recommend(view_histories(["?"], []), 3)
    assert unknown.item_ids == without_history.item_ids == ("b", "e", "d")
    assert (unknown.tier, without_history.tier) == ("popular", "popular")


def test_unknown_items_change_nothing(ranker):
    with_unknown, without = ranker.recommend(view_histories(["b", "?"], ["b"]), 6)
    assert with_unknown == without


def test_an_answer_is_the_same_alone_and_in_a_batch(ranker):
    histories = view_histories(["a"], ["b", "c", "d", "e"], [], ["?"], ["f", "f"])
    batch_result = ranker.recommend(histories, 6)
    single_result = [
        ranker.recommend(view_histories(items), 6)[0] for items in (["a"], ["b", "c", "d", "e"], [], ["?"], ["f", "f"])
    ]
    assert batch_result == single_result


def test_chunks_do_not_show(ranker, monkeypatch):
    histories = view_histories(*([["a"], ["b"], []] * 5))
    expected = ranker.recommend(histories, 6)
    monkeypatch.setattr(scoring, "MAX_CHUNK_HISTORIES", 4)
    monkeypatch.setattr(encoder_batches, "MAX_ENCODER_BATCH", 3)
    assert ranker.recommend(histories, 6) == expected


def test_a_filtered_list_is_not_short_while_items_remain(ranker):
    allowed = np.array([False, True, True, True, False, False, False])  # a b c
    assert ranker.recommend(view_histories(["b"]), 3, allowed_items=allowed)[0].item_ids == ("b", "a", "c")


def test_each_shopper_has_exclusions_of_their_own(ranker):
    first, second = ranker.recommend(
        view_histories(["b"], ["b"]), 2, excluded_per_shopper=[np.array([6]), np.array([4, 2])]
    )
    assert first.item_ids == ("d", "b")
    assert second.item_ids == ("f", "a")  # the odd ones score 0: the lowest index wins


def test_a_tombstone_item_is_not_recommended(tmp_path):
    write_bundle(tmp_path, delisted=("f",))
    ranker = open_ranker(open_bundle(tmp_path))
    ranked_lists = ranker.recommend(view_histories(["b"], []), 6)
    assert [len(ranked.item_ids) for ranked in ranked_lists] == [5, 5]
    assert all("f" not in ranked.item_ids for ranked in ranked_lists)


def test_the_history_is_cut_to_the_length_of_the_bundle(ranker):
    assert ranker.recommend(view_histories(["a"] * 9 + ["b"] * 4), 1)[0].item_ids == ("f",)


def test_no_shopper_is_no_answer(ranker):
    assert ranker.recommend(view_histories(), 3) == []
    assert ranker.encode(encoder_input(view_histories())).embeddings.shape == (0, 2)


def test_a_file_that_is_no_model_is_refused(tmp_path):
    write_bundle(tmp_path)
    (tmp_path / "shopper_encoder.fp32.onnx").write_bytes(b"no model")
    write_manifest(
        tmp_path, BundleInfo(created_by="t", precision="fp32", max_history=4, lineage={}, parameters={}, metrics={})
    )
    with pytest.raises(BundleError) as exc_info:
        open_ranker(open_bundle(tmp_path))
    assert str(exc_info.value).startswith(f"{tmp_path}/shopper_encoder.fp32.onnx: onnxruntime cannot load it (")
    assert str(exc_info.value).endswith(f"); {REBUILD_FIX}")


def test_an_encoder_that_returns_nan_is_refused(tmp_path):
    name = write_bundle(tmp_path)
    write_encoder(tmp_path / "shopper_encoder.fp32.onnx", np.full((7, 2), np.nan, dtype=np.float32))
    name = write_manifest(
        tmp_path, BundleInfo(created_by="t", precision="fp32", max_history=4, lineage={}, parameters={}, metrics={})
    )
    with pytest.raises(BundleError) as exc_info:
        open_ranker(open_bundle(tmp_path)).recommend(view_histories(["a"]), 1)
    assert str(exc_info.value) == (
        f"{tmp_path} ({name[:12]}): the shopper encoder gave something that is not a number; {REBUILD_FIX}"
    )


def test_asking_for_cuda_and_getting_the_cpu_is_an_error(tmp_path):
    write_bundle(tmp_path)
    onnxruntime.set_default_logger_severity(4)
    bundle = open_bundle(tmp_path)
    try:
        actual = open_ranker(bundle, device="cuda").session.get_providers()
    except SettingsError as error:
        assert str(error) == (  # noqa: PT017  it depends on the machine which of the two is right
            "device: CUDA was requested but onnxruntime runs on the CPU; "
            "install CUDA 13 and cuDNN 9 on this machine, or set the device to cpu"
        )
    else:
        assert "CUDAExecutionProvider" in actual
