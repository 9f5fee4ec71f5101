"""The asset `bundle` with intact and with damaged files of the real exporter."""

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from freshet.artifacts import model_path
from freshet.errors import BundleError, SettingsError
from freshet.inference.bundle import open_bundle
from freshet.steps.bundle import build as bundle_stage
from freshet.steps.bundle.build import VerifiedBundle, bundle_profile, make_bundle
from freshet.steps.step_result import run_gate
from freshet.store import open_store
from freshet.verification.latency import LatencyReport
from freshet.verification.parity import ParityResult
from tests import tiny_bundle
from tests.gate_cases import refusal_reason

pytestmark = pytest.mark.spark

FP32_FILE, FP16_FILE, INT8_FILE = (f"shopper_encoder.{precision}.onnx" for precision in ("fp32", "fp16", "int8"))


@pytest.fixture
def patch_export(monkeypatch):
    """The real exporter, whose encoders of the names given come out with weights of no meaning."""
    from freshet.model import onnx_export as exporter

    real = exporter.export

    def patch(*names: str) -> None:
        def broken_exporter(model, vocabulary, folder, *more, **named):
            paths = real(model, vocabulary, folder, *more, **named)
            for name in names:
                scramble_weights(folder / INT8_FILE if name == INT8_FILE else folder / FP32_FILE, folder / name)
            return paths

        monkeypatch.setattr(exporter, "export", broken_exporter)

    return patch


def scramble_weights(source: Path, target: Path) -> None:
    """The float matrices of `source` with their values in another order."""
    model = onnx.load(source)
    rng = np.random.default_rng(0)
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.ndim == 2 and values.dtype in (np.float32, np.int8):
            tensor.CopyFrom(numpy_helper.from_array(rng.permuted(values), tensor.name))
    onnx.save(model, target)


def bundle_ids(shop) -> set[str]:
    return {path.split("/")[1] for path in shop.store.list("bundles")}


def test_a_bundle_lies_under_its_hash_with_its_lineage(small_shop):
    bundle = open_bundle(small_shop.store.local_path(f"bundles/{small_shop.bundle.id}"), small_shop.bundle.id)
    assert bundle.manifest.lineage["model"] == small_shop.model.id
    assert bundle.manifest.lineage["snapshots"] == dict(small_shop.training_set.snapshots)
    assert bundle.manifest.parameters["hidden_dim"] == 16
    assert bundle.manifest.precision == "int8"
    assert bundle.manifest.event_type == "view"


def test_a_rebuilt_bundle_has_the_same_id_and_card(small_shop):
    result = make_bundle(small_shop.settings, small_shop.store, small_shop.model)
    assert result.ref.id == small_shop.bundle.id
    card = (small_shop.store.local_path(f"bundles/{small_shop.bundle.id}") / "model_card.md").read_text()
    assert card == result.value.card
    assert f"| hidden_dim | {small_shop.model.parameters['hidden_dim']} |" in card.splitlines()
    assert f"- {result.value.low_precision.sentence}" in card.splitlines()
    assert "| device | cpu" in card


def test_the_snapshots_of_the_training_set_are_tagged_with_the_bundle_id(small_shop):
    from pyiceberg.catalog.sql import SqlCatalog

    lake = small_shop.settings.lake
    catalog = SqlCatalog("lake", uri=f"sqlite:///{lake}/catalog.db", warehouse=f"{lake}/tables")
    for table, snapshot in small_shop.training_set.snapshots.items():
        tag = catalog.load_table(("shop", table)).metadata.refs[f"bundle_{small_shop.bundle.id[:12]}"]
        assert (tag.snapshot_id, tag.snapshot_ref_type) == (snapshot, "tag")


def test_int8_without_parity_is_dropped_and_fp32_ships(small_shop, patch_export):
    patch_export(INT8_FILE)
    result = make_bundle(small_shop.settings, small_shop.store, small_shop.model)
    assert result.ref is not None
    assert result.value.bundle.manifest.precision == "fp32"
    rule_results = {row.rule.name: row for row in result.gate.results}
    assert not rule_results["smaller_answers_as_torch"].passed
    assert rule_results["smaller_answers_as_torch"].rule.severity == "warn"
    assert result.message() == ""


def test_fp16_takes_the_place_of_int8_if_it_is_configured(small_shop, monkeypatch):
    # The build for a GPU, with outputs of the CPU: the same file with the same rounded weights.
    monkeypatch.setattr(bundle_stage, "PRECISIONS", {"cpu": ("fp32", "fp16")})
    result = make_bundle(small_shop.settings, small_shop.store, small_shop.model)
    assert result.ref is not None
    assert result.value.bundle.manifest.precision == "fp16"
    assert result.value.low_precision.precision == "fp16"
    assert result.value.low_precision.overlap > 0.99
    files = result.value.bundle.manifest.files
    assert files[FP16_FILE].bytes < files[FP32_FILE].bytes


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_bundle_for_a_gpu_that_is_not_there_is_an_error_and_no_bundle(small_shop):
    before = bundle_ids(small_shop)
    with pytest.raises(SettingsError, match="CUDA was requested but onnxruntime runs on the CPU"):
        make_bundle(
            small_shop.settings.model_copy(update={"serving_device": "cuda"}), small_shop.store, small_shop.model
        )
    assert bundle_ids(small_shop) == before


def test_fp32_without_parity_is_refused_and_not_stored(small_shop, patch_export):
    patch_export(FP32_FILE, INT8_FILE)
    before = bundle_ids(small_shop)
    result = make_bundle(small_shop.settings, small_shop.store, small_shop.model)
    assert result.ref is None
    assert bundle_ids(small_shop) == before
    overlap = r"\d\.\d{4}"
    message = (
        rf"bundle: fp32 shares {overlap} of torch's top 20: fp32 fails: top 20 overlap {overlap} \(needed 0.99\), .*; "
        "check the exporter's version; the model is kept, materialize `bundle` again"
    )
    assert re.fullmatch(message, result.message().splitlines()[0])


def test_weights_that_were_damaged_in_the_lake_are_named(small_shop, tmp_path):
    store = open_store(str(tmp_path))
    for path in small_shop.store.list(model_path(small_shop.model.id)):
        store.put(path, small_shop.store.get(path)[:100])
    with pytest.raises(BundleError):
        make_bundle(small_shop.settings, store, small_shop.model)
    assert store.list("bundles") == ()


def test_a_byte_of_the_weights_that_changed_in_the_lake_is_noticed(small_shop, tmp_path):
    store = open_store(str(tmp_path))
    for path in small_shop.store.list(model_path(small_shop.model.id)):
        content = bytearray(small_shop.store.get(path))
        if path.endswith(".safetensors"):
            content[-2] ^= 1
        store.put(path, bytes(content))
    with pytest.raises(BundleError, match="its files have changed since they were written"):
        make_bundle(small_shop.settings, store, small_shop.model)
    assert store.list("bundles") == ()


def parity_result(difference: float) -> ParityResult:
    """Parity with an overlap of 1 and no loss."""
    return ParityResult(
        precision="fp32",
        overlap=1.0,
        min_overlap=0.99,
        ndcg=0.1,
        reference_ndcg=0.1,
        ndcg_loss=0.0,
        max_difference=difference,
        worst_probe="real histories",
        worst_overlap=1.0,
        passed=np.isfinite(difference),
    )


@pytest.mark.parametrize("difference", [1e-6, float("inf")])
def test_a_single_nan_score_is_refused(tmp_path, difference):
    bundle = open_bundle(tmp_path, tiny_bundle.write_bundle(tmp_path))
    verified_bundle = VerifiedBundle(
        bundle, parity_result(difference), parity_result(0.0), LatencyReport(1.0, 2.0, 2.0, 0.5), 1.0, 0.0
    )
    violations = run_gate("bundle", bundle_profile(verified_bundle, ""), None).refusal_reasons()
    expected = {
        "bundle": [
            refusal_reason("bundle", "bundle_answers_as_sealed", corrupt_reason=verified_bundle.fp32.sentence),
        ]
    }
    assert violations == ({} if np.isfinite(difference) else expected)
