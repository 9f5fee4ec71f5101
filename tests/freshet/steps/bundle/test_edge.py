"""The edge bundle: read by the same code, compared with the full bundle, not stored if it is too large."""

from dataclasses import replace
from shutil import copyfile

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from freshet.data.history import model_input
from freshet.data.knn_blend import RULE_SCALE, KnnBlend
from freshet.data.sequential_rules import count_rules
from freshet.errors import BundleError
from freshet.inference.bundle import load_int8_embeddings, open_bundle, save_int8_embeddings
from freshet.inference.manifest import BundleInfo, write_manifest
from freshet.inference.ranker import open_ranker
from freshet.steps.bundle import edge, edge_compression
from freshet.steps.bundle.edge import compress_bundle, make_edge_bundle
from freshet.steps.bundle.edge_compression import quantize_encoder, write_edge_files
from tests import tiny_bundle
from tests.checkerboard import histories_of, training_set_of
from tests.gate_cases import refusal_reason


@pytest.fixture(scope="module")
def full_bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("full")
    return open_bundle(folder, tiny_bundle.write_bundle(folder, delisted=("c",)))


@pytest.fixture(scope="module")
def training_set(full_bundle):
    """Three shoppers; their events of the second day are the targets."""
    rows = [[(1, 60), (5, 90_000)], [(2, 60), (4, 90_000)], [(1, 60), (2, 120), (6, 90_000)]]
    return training_set_of(histories_of(rows), full_bundle.vocabulary, train_until=0)


def test_int8_vectors_differ_by_half_a_step_at_most_and_biases_are_exact(tmp_path):
    vectors = np.array([[0, 0, 0], [1, -2, 300], [1e-3, 5e-4, -7]], dtype=np.float32)
    save_int8_embeddings(vectors, tmp_path / "x.npz")
    reloaded = load_int8_embeddings(tmp_path / "x.npz")
    assert (reloaded.dtype, reloaded[0].tolist(), reloaded[:, 2].tolist()) == (np.float32, [0, 0, 0], [0, 300, -7])
    assert np.all(np.abs(reloaded - vectors)[:, :2] <= np.array([[0], [2], [1e-3]]) / 254 + 1e-9)


def test_a_table_is_looked_up_in_int8_and_scaled(full_bundle, tmp_path):
    assert not quantize_encoder(full_bundle.encoder_path, tmp_path / "small.onnx", full_bundle.item_embeddings)
    kinds = {t.name: t.data_type for t in onnx.load(tmp_path / "small.onnx").graph.initializer if 7 in t.dims}
    assert kinds == {"embedding.int8": onnx.TensorProto.INT8, "embedding.scales": onnx.TensorProto.FLOAT}
    feed = {name: np.array([[1, 2, 0]]) for name in ("items", "types", "gaps")}
    large, small = (
        ort.InferenceSession(str(path)).run(None, feed) for path in (full_bundle.encoder_path, tmp_path / "small.onnx")
    )
    assert small[0] == pytest.approx(large[0], abs=1e-6)


def test_the_edge_encoder_reproduces_the_item_embeddings(full_bundle, tmp_path):
    vectors = np.concatenate([tiny_bundle.EMBEDDINGS, np.arange(7)[:, None]], axis=1).astype(np.float32)
    assert quantize_encoder(full_bundle.encoder_path, tmp_path / "small.onnx", vectors)
    session = ort.InferenceSession(str(tmp_path / "small.onnx"))
    assert [x.name for x in session.get_outputs()] == ["vectors", "repeats", "item_numbers", "item_scales"]
    numbers, scales = session.run(
        ["item_numbers", "item_scales"], {x: np.array([[1]]) for x in ("items", "types", "gaps")}
    )
    assert numbers * scales == pytest.approx(tiny_bundle.EMBEDDINGS)


def test_an_edge_bundle_ranks_like_the_full_one(full_bundle, training_set, tmp_path):
    actual, reason = compress_bundle(full_bundle, training_set, tmp_path)
    assert (reason, actual.parity.overlap, actual.parity.ndcg_loss) == ("", 1.0, 0.0)
    assert actual.bundle.manifest.lineage["edge_of"] == full_bundle.id
    assert sorted(actual.file_sizes) == [
        "baselines.npz", "golden.npz", "item_embeddings.int8.npz", "manifest.json", "model_card.md",
        "shopper_encoder.int8.onnx", "vocabulary.npz",
    ]  # fmt: skip
    loaded_copy = open_ranker(open_bundle(tmp_path, actual.bundle.id))
    histories = tiny_bundle.view_histories(["a"], ["b", "b"], [])
    assert [a.item_ids for a in loaded_copy.recommend(histories, 5)] == [
        a.item_ids for a in open_ranker(full_bundle).recommend(histories, 5)
    ]


def test_an_edge_bundle_keeps_the_most_confident_rules(full_bundle, training_set, tmp_path, monkeypatch):
    rules = count_rules(tiny_bundle.view_histories(["a", "b"], ["a", "b"], ["a", "e"], ["b", "a"], ["b", "d"]), 0, 7)
    monkeypatch.setattr(edge_compression, "MAX_RULES", 7)
    monkeypatch.setattr(edge_compression, "MIN_RULES_PER_ITEM", 1)
    manifest = full_bundle.manifest.model_copy(update={"blend": KnnBlend(rule_weight=2.0)})
    blended_bundle = replace(full_bundle, baselines=replace(full_bundle.baselines, rules=rules), manifest=manifest)
    compress_bundle(blended_bundle, training_set, tmp_path)
    small = open_ranker(open_bundle(tmp_path))
    assert small.bundle.manifest.blend == KnnBlend(rule_weight=2.0)
    assert small.bundle.baselines.rules.items.tolist() == [2, 1]  # a → b, b → a
    batch = model_input(tiny_bundle.view_histories(["a"], ["b"]), 4)
    alive = [1, 2, 4, 5]  # a, b, d, e
    score_difference = small.score(batch)[:, alive] - open_ranker(full_bundle).score(batch)[:, alive]
    confident = [2 * np.log1p(share / RULE_SCALE) for share in (2 / 4, 1 / 4)]
    assert [score_difference[0, 1], score_difference[1, 0]] == pytest.approx(confident, abs=0.1)  # int8 costs a little
    assert [score_difference[0, 3], score_difference[1, 2]] == pytest.approx(
        [0, 0], abs=0.1
    )  # a → e, b → d stayed at home


def test_an_edge_bundle_of_an_earlier_version_opens(full_bundle, training_set, tmp_path):
    edge, _ = compress_bundle(full_bundle, training_set, tmp_path)
    (tmp_path / "item_embeddings.int8.npz").rename(tmp_path / "item_vectors.int8.npz")
    former_bundle = open_bundle(tmp_path, write_manifest(tmp_path, edge.bundle.manifest.info))
    assert (former_bundle.item_embeddings == edge.bundle.item_embeddings).all()


def test_without_its_vectors_it_is_no_bundle(full_bundle, training_set, tmp_path):
    edge, _ = compress_bundle(full_bundle, training_set, tmp_path)
    (tmp_path / "item_embeddings.int8.npz").write_bytes(b"nothing")
    with pytest.raises(BundleError, match=r"item_embeddings.int8.npz: it has 7 bytes instead of"):
        open_bundle(tmp_path, edge.bundle.id)


@pytest.mark.spark
def test_an_edge_bundle_that_is_too_large_is_refused_and_not_stored(small_shop, monkeypatch):
    before = small_shop.store.list_folders("bundles")
    monkeypatch.setattr(edge, "SIZE_BUDGET_BYTES", 1000)
    result = make_edge_bundle(small_shop.settings, small_shop.store, small_shop.bundle)
    assert result.ref is None
    size = sum(result.value.file_sizes.values())
    largest_file = max(result.value.file_sizes, key=result.value.file_sizes.get)
    reason = refusal_reason("edge_bundle", "edge_is_small", bytes=size, size_budget=1000, largest_file=largest_file)
    assert result.message() == f"edge_bundle: {reason}"
    assert small_shop.store.list_folders("bundles") == before


@pytest.mark.spark
def test_the_edge_bundle_of_a_trained_model_is_kept_beside_it(small_shop):
    result = make_edge_bundle(small_shop.settings, small_shop.store, small_shop.bundle)
    assert result.message() == ""
    assert result.ref.bundle == small_shop.bundle
    assert sum(result.value.file_sizes.values()) < 5_000_000
    opened = open_bundle(small_shop.store.local_path(f"bundles/{result.ref.id}"), result.ref.id)
    assert opened.manifest.precision == "int8"
    full_bundle = open_bundle(small_shop.store.local_path(f"bundles/{small_shop.bundle.id}"))
    assert "item_biases.npy" in result.value.file_sizes  # the vectors lie in the encoder
    assert opened.item_embeddings == pytest.approx(full_bundle.item_embeddings, abs=1 / 254)
    assert (opened.item_embeddings[:, -1] == full_bundle.item_embeddings[:, -1]).all()


def test_an_encoder_without_the_vectors_it_should_hold_is_no_bundle(full_bundle, tmp_path):
    write_edge_files(full_bundle, tmp_path)
    np.save(tmp_path / "item_biases.npy", full_bundle.item_embeddings[:, -1])
    (tmp_path / "item_embeddings.int8.npz").unlink()
    copyfile(full_bundle.folder / "golden.npz", tmp_path / "golden.npz")
    name = write_manifest(
        tmp_path, BundleInfo(created_by="test", precision="int8", max_history=4, lineage={}, parameters={}, metrics={})
    )
    with pytest.raises(BundleError, match=r"shopper_encoder.int8.onnx: it gives no item embeddings"):
        open_bundle(tmp_path, name)
