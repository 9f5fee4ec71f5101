"""Golden requests: an intact bundle passes, a changed one is refused."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from freshet.errors import BundleError
from freshet.inference.baselines import Baselines, save_baselines
from freshet.inference.bundle import open_bundle, save_vocabulary
from freshet.inference.golden_requests import check_golden_requests, save_golden_requests
from freshet.inference.manifest import BundleInfo, write_manifest
from freshet.inference.ranker import open_ranker
from freshet.inference.scoring import EncodedHistories
from tests.tiny_bundle import ITEM_EMBEDDINGS, POPULARITY, encoder_input, view_histories, vocabulary, write_bundle


def test_an_intact_bundle_passes_its_golden_requests(tmp_path):
    write_bundle(tmp_path)
    assert check_golden_requests(open_ranker(open_bundle(tmp_path))) == 0.0


def test_a_changed_golden_response_is_refused(tmp_path):
    write_bundle(tmp_path)
    other_encoded = EncodedHistories(np.array([[0.9, 0]], dtype=np.float32), np.zeros(1, dtype=np.float32))
    save_golden_requests(encoder_input(view_histories(["a"])), other_encoded, tmp_path / "golden.npz")
    write_manifest(
        tmp_path, BundleInfo(created_by="t", precision="fp32", max_history=4, lineage={}, parameters={}, metrics={})
    )
    with pytest.raises(BundleError) as exc_info:
        check_golden_requests(open_ranker(open_bundle(tmp_path)))
    assert str(exc_info.value) == (
        f"{tmp_path}/golden.npz: golden requests give other outputs than at export (off by 0.11, allowed 0.001); "
        'materialize the asset `bundle` again, or go back to an intact release: `freshet rollback --why "…"`'
    )


def reseal(folder):
    """The bundle in `folder` as a careless tool would seal it after it had changed a file."""
    name = write_manifest(
        folder, BundleInfo(created_by="t", precision="fp32", max_history=4, lineage={}, parameters={}, metrics={})
    )
    return open_ranker(open_bundle(folder, name))


@pytest.mark.parametrize("wrong", [lambda rows: rows[[0, 2, 1, 4, 3, 6, 5]], np.zeros_like])
def test_shuffled_or_zeroed_item_embeddings_are_refused(tmp_path, wrong):
    write_bundle(tmp_path)
    np.save(tmp_path / "item_embeddings.npy", wrong(ITEM_EMBEDDINGS))
    with pytest.raises(
        BundleError, match=r"golden.npz: its lists are not those at export \(off by .*, allowed 0.001\)"
    ):
        check_golden_requests(reseal(tmp_path))


def test_baselines_that_are_shuffled_are_refused(tmp_path):
    write_bundle(tmp_path)
    zeros = np.zeros((7, 2), dtype=np.int32)
    save_baselines(
        Baselines(POPULARITY[[0, 6, 5, 4, 3, 2, 1]], zeros, zeros.astype(np.float32)), tmp_path / "baselines.npz"
    )
    with pytest.raises(BundleError, match=r"its popular baseline's lists are not those at export"):
        check_golden_requests(reseal(tmp_path))


def test_a_vocabulary_in_another_order_is_refused(tmp_path):
    write_bundle(tmp_path)
    save_vocabulary(vocabulary(("b", "a", "c", "d", "e", "f")), tmp_path / "vocabulary.npz")
    with pytest.raises(BundleError, match=r"its items are not those at export"):
        check_golden_requests(reseal(tmp_path))


def test_another_item_encoder_is_refused(tmp_path):
    write_bundle(tmp_path)
    model = onnx.load(tmp_path / "item_encoder.onnx")
    next(t for t in model.graph.initializer if t.name == "ten").CopyFrom(numpy_helper.from_array(np.array(0), "ten"))
    onnx.save(model, tmp_path / "item_encoder.onnx")
    with pytest.raises(BundleError, match=r"its item encoder's embeddings are not those at export"):
        check_golden_requests(reseal(tmp_path))


def test_item_embeddings_of_an_older_bundle_are_compared_with_its_item_encoder(tmp_path):
    write_bundle(tmp_path, complete=False)
    with pytest.raises(BundleError, match=r"its item embeddings are not the item encoder's"):
        check_golden_requests(reseal(tmp_path))  # the tiny bundle's item encoder gives other embeddings
    np.save(tmp_path / "item_embeddings.npy", np.array([[0, 0], *[[1, 0]] * 6], dtype=np.float32))
    assert check_golden_requests(reseal(tmp_path)) == 0.0
