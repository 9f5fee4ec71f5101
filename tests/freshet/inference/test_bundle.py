"""Sealing and opening a bundle: its id, and an error for every changed, missing or foreign file."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from freshet.data.knn_blend import KnnBlend
from freshet.data.sequential_rules import SequentialRules
from freshet.errors import BundleError
from freshet.inference.baselines import Baselines, save_baselines
from freshet.inference.bundle import load_vocabulary, open_bundle, save_vocabulary
from freshet.inference.manifest import BundleInfo, write_manifest
from tests.tiny_bundle import ITEM_EMBEDDINGS, vocabulary, write_bundle

REBUILD_FIX = 'materialize the asset `bundle` again, or go back to an intact release: `freshet rollback --why "…"`'


@pytest.fixture(scope="module")
def sealed_bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    return folder, write_bundle(folder)


@pytest.fixture
def bundle_copy(sealed_bundle, tmp_path):
    return Path(shutil.copytree(sealed_bundle[0], tmp_path / "copy"))


def reseal(folder):
    return write_manifest(
        folder, BundleInfo(created_by="test", precision="fp32", max_history=4, lineage={}, parameters={}, metrics={})
    )


def error_message(folder, bundle=None):
    with pytest.raises(BundleError) as exc_info:
        open_bundle(folder, bundle)
    return str(exc_info.value)


def test_a_sealed_bundle_opens_under_its_id(sealed_bundle):
    folder, bundle_id = sealed_bundle
    bundle = open_bundle(folder, bundle_id)
    assert bundle.id == bundle_id
    assert bundle.manifest.max_history == 4
    assert bundle.encoder_path == folder / "shopper_encoder.fp32.onnx"
    assert bundle.vocabulary.item_ids.tolist() == ["", "a", "b", "c", "d", "e", "f"]
    assert np.array_equal(bundle.item_embeddings, ITEM_EMBEDDINGS)


def test_the_id_is_the_hash_of_the_manifest_file_so_sha256sum_shows_it(sealed_bundle):
    import hashlib

    folder, bundle_id = sealed_bundle
    assert hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest() == bundle_id


def test_the_same_content_gives_the_same_id(sealed_bundle, tmp_path):
    assert write_bundle(tmp_path / "again") == sealed_bundle[1]


def test_a_changed_byte_is_named(bundle_copy):
    path = bundle_copy / "item_embeddings.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    assert error_message(bundle_copy).startswith(f"{path}: its content has changed (sha256 ")
    assert error_message(bundle_copy).endswith(f"; {REBUILD_FIX}")


def test_a_truncated_file_is_named_with_its_sizes(bundle_copy):
    path = bundle_copy / "golden.npz"
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:10])
    assert error_message(bundle_copy) == f"{path}: it has 10 bytes instead of {size}; {REBUILD_FIX}"


def test_a_missing_file_is_named(bundle_copy):
    (bundle_copy / "vocabulary.npz").unlink()
    assert error_message(bundle_copy) == f"{bundle_copy}/vocabulary.npz: the file is missing; {REBUILD_FIX}"


def test_a_folder_without_manifest_is_no_bundle(tmp_path):
    assert error_message(tmp_path) == f"{tmp_path}: there is no manifest.json, so this is no bundle; {REBUILD_FIX}"


def test_a_bundle_under_another_name_is_refused(sealed_bundle):
    folder, bundle_id = sealed_bundle
    other = "0" * 64
    assert (
        error_message(folder, other)
        == f"{folder}/manifest.json: its hash is {bundle_id[:12]}, the bundle's name is 000000000000; {REBUILD_FIX}"
    )


def test_another_schema_version_is_named(bundle_copy):
    manifest = json.loads((bundle_copy / "manifest.json").read_bytes())
    (bundle_copy / "manifest.json").write_text(json.dumps(manifest | {"schema_version": 2}))
    assert error_message(bundle_copy) == (
        f"{bundle_copy}/manifest.json: schema version 2, this Freshet reads 1; "
        f"install the Freshet that wrote it, or {REBUILD_FIX}"
    )


def test_a_manifest_with_a_missing_field_names_it(bundle_copy):
    manifest = json.loads((bundle_copy / "manifest.json").read_bytes())
    del manifest["max_history"]
    (bundle_copy / "manifest.json").write_text(json.dumps(manifest))
    assert error_message(bundle_copy) == f"{bundle_copy}/manifest.json: max_history: Field required; {REBUILD_FIX}"


def test_a_bundle_of_an_earlier_version_opens(bundle_copy):
    (bundle_copy / "item_embeddings.npy").rename(bundle_copy / "item_vectors.npy")
    reseal(bundle_copy)
    manifest = json.loads((bundle_copy / "manifest.json").read_bytes())
    manifest["length"], manifest["item_inputs"] = manifest.pop("max_history"), manifest.pop("item_schema")
    manifest["blend"] = {"trust": 1.0, "recency": 0.9, "rules": 0.5}
    (bundle_copy / "manifest.json").write_text(json.dumps(manifest))
    bundle = open_bundle(bundle_copy)
    assert (bundle.manifest.max_history, bundle.manifest.item_schema) == (4, None)
    assert bundle.manifest.blend == KnnBlend(knn_weight=1.0, recency_decay=0.9, rule_weight=0.5)
    assert np.array_equal(bundle.item_embeddings, ITEM_EMBEDDINGS)


def test_embeddings_of_another_vocabulary_are_refused(bundle_copy):
    np.save(bundle_copy / "item_embeddings.npy", ITEM_EMBEDDINGS[:-1])
    reseal(bundle_copy)
    assert (
        error_message(bundle_copy) == f"{bundle_copy}/item_embeddings.npy: 6 rows, the vocabulary has 7; {REBUILD_FIX}"
    )


def test_baselines_of_another_vocabulary_are_refused(bundle_copy):
    zeros = np.zeros((5, 2))
    save_baselines(
        Baselines(np.zeros(7), zeros.astype(np.int32), zeros.astype(np.float32)), bundle_copy / "baselines.npz"
    )
    reseal(bundle_copy)
    assert (
        error_message(bundle_copy)
        == f"{bundle_copy}/baselines.npz neighbours: 5 rows, the vocabulary has 7; {REBUILD_FIX}"
    )


def test_rules_of_another_vocabulary_are_refused(bundle_copy):
    zeros = np.zeros((7, 2))
    parts = np.zeros(7), zeros.astype(np.int32), zeros.astype(np.float32), SequentialRules.empty(5)
    save_baselines(Baselines(*parts), bundle_copy / "baselines.npz")
    reseal(bundle_copy)
    assert (
        error_message(bundle_copy) == f"{bundle_copy}/baselines.npz rules: 5 rows, the vocabulary has 7; {REBUILD_FIX}"
    )


def test_embeddings_that_are_not_numbers_are_refused(bundle_copy):
    np.save(bundle_copy / "item_embeddings.npy", np.full((7, 2), np.nan, dtype=np.float32))
    reseal(bundle_copy)
    assert (
        error_message(bundle_copy)
        == f"{bundle_copy}/item_embeddings.npy: expected finite float32 (V + 1, D), got float32 (7, 2); {REBUILD_FIX}"
    )


def test_a_bundle_sealed_without_its_encoder_is_refused(bundle_copy):
    (bundle_copy / "shopper_encoder.fp32.onnx").unlink()
    reseal(bundle_copy)
    assert (
        error_message(bundle_copy)
        == f"{bundle_copy}: the manifest does not list shopper_encoder.fp32.onnx; {REBUILD_FIX}"
    )


def test_a_vocabulary_comes_back_as_it_went(tmp_path):
    before = vocabulary(delisted=("c",))
    save_vocabulary(before, tmp_path / "v.npz")
    after = load_vocabulary(tmp_path / "v.npz")
    assert after.item_ids.tolist() == before.item_ids.tolist()
    assert after.titles.tolist() == before.titles.tolist()
    assert after.delisted.tolist() == [False, False, False, True, False, False, False]
    assert np.array_equal(after.prices, before.prices, equal_nan=True)
    assert after.generation == 1


def test_a_vocabulary_with_pickles_is_refused(tmp_path):
    np.savez(tmp_path / "v.npz", item_ids=np.array(["", "a"], dtype=object))
    with pytest.raises(BundleError, match="it does not hold a vocabulary"):
        load_vocabulary(tmp_path / "v.npz")
