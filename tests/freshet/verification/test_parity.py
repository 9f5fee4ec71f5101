"""Parity of an exported model with torch: probes, overlap and failures."""

from dataclasses import replace

import numpy as np
import pytest

from freshet.data.eval_cases import next_basket_cases
from freshet.data.history import Histories
from freshet.inference.bundle import open_bundle
from freshet.inference.manifest import MANIFEST, Manifest, write_manifest
from freshet.inference.ranker import open_ranker
from freshet.inference.scoring import EncodedHistories
from freshet.verification.parity import ParityInputs, ParityResult, ParitySide, measure_parity, parity_probes
from tests.tiny_bundle import EMBEDDINGS, ITEM_EMBEDDINGS, write_bundle, write_encoder

ITEMS, LENGTH = 60, 4
RNG = np.random.default_rng(3)
PROBE_EMBEDDINGS = RNG.normal(size=(ITEMS + 1, 8)).astype(np.float32)
EXCLUDED_ITEMS = np.arange(ITEMS + 1) == 0


def mean_encoder(embedding):
    """The reference: the mean of the history's embeddings, in numpy."""

    def encode(batch):
        items, _, _ = batch.pad()
        count = np.maximum(1, (items > 0).sum(axis=1, keepdims=True))
        vectors = (embedding[items] * (items > 0)[:, :, None]).sum(axis=1) / count
        return EncodedHistories(vectors.astype(np.float32), np.zeros(len(batch.items), dtype=np.float32))

    return encode


def scale_vectors(answer, factor):
    """The same outputs with every vector scaled."""
    return EncodedHistories(answer.embeddings * np.float32(factor), answer.repeat_scores)


def cases():
    """40 shoppers with two single-item baskets each; the second one is the target."""
    days = np.tile([9, 12], 40)
    items = RNG.integers(1, ITEMS + 1, 80)
    ones = np.ones(80, dtype=np.int64)
    histories = Histories(np.arange(40).astype(str), np.arange(0, 81, 2), items, ones, days * 86400, days)
    return next_basket_cases(histories, 10, 20)


INPUTS = ParityInputs(parity_probes(LENGTH, ITEMS, seed=0), cases(), LENGTH, EXCLUDED_ITEMS)


def parity_result(precision, encode):
    reference = ParitySide(mean_encoder(PROBE_EMBEDDINGS), PROBE_EMBEDDINGS)
    return measure_parity(precision, reference, replace(reference, encode=encode), INPUTS)


def test_probes_cover_batch_length_and_padding():
    probe_batches = {probe.name: probe.batch for probe in parity_probes(LENGTH, ITEMS, seed=0)}
    assert len(probe_batches) == 20
    assert np.diff(probe_batches["empty, batch of 1"].offsets).tolist() == [0]
    assert np.diff(probe_batches["full, batch of 7"].offsets).tolist() == [LENGTH] * 7
    mixed = np.diff(probe_batches["mixed padding, batch of 64"].offsets)
    assert (mixed.min(), mixed.max()) == (0, LENGTH)
    assert probe_batches["full, batch of 64"].items.min() >= 1
    assert probe_batches["full, batch of 64"].items.max() <= ITEMS


def test_the_same_model_passes_with_full_overlap():
    result = parity_result("fp32", mean_encoder(PROBE_EMBEDDINGS))
    assert result.passed
    assert (result.overlap, result.ndcg_loss, result.max_difference) == (1.0, 0.0, 0.0)
    assert result.sentence.startswith("fp32 passes: top 20 overlap 1.0000 (needed 0.99), worst on ")


def test_another_model_fails_and_the_worst_probe_is_named():
    result = parity_result(
        "fp32", mean_encoder(PROBE_EMBEDDINGS + 0.2 * RNG.normal(size=PROBE_EMBEDDINGS.shape).astype(np.float32))
    )
    assert not result.passed
    assert result.worst_overlap < result.overlap < 0.99
    assert result.worst_probe in {probe.name for probe in parity_probes(LENGTH, ITEMS, seed=0)} | {"real histories"}
    assert result.sentence.startswith("fp32 fails: ")


def test_a_small_difference_passes_int8():
    result = parity_result(
        "int8", mean_encoder(PROBE_EMBEDDINGS + 1e-3 * RNG.normal(size=PROBE_EMBEDDINGS.shape).astype(np.float32))
    )
    assert result.min_overlap == 0.95
    assert result.overlap >= 0.95
    assert 0 < result.max_difference < 0.01


def test_an_answer_that_is_not_a_number_fails():
    result = parity_result("int8", lambda batch: scale_vectors(mean_encoder(PROBE_EMBEDDINGS)(batch), np.nan))
    assert not result.passed


def test_a_single_probe_going_wrong_fails_though_the_mean_is_high_enough():
    single_batch = next(
        probe.batch for probe in parity_probes(LENGTH, ITEMS, seed=0) if probe.name == "full, batch of 1"
    )

    def encode_wrong_once(batch):
        encoded = mean_encoder(PROBE_EMBEDDINGS)(batch)
        return scale_vectors(encoded, -1) if np.array_equal(batch.items, single_batch.items) else encoded

    result = parity_result("int8", encode_wrong_once)
    assert (result.worst_probe, result.worst_overlap) == ("full, batch of 1", 0.0)
    assert result.overlap == 0.95
    assert not result.passed


def tiny_parity(bundle, precision):
    """The tiny bundle's encoder of one precision against its encoder in numpy, without real cases."""
    inputs = ParityInputs(parity_probes(LENGTH, 6, seed=0), cases().take(slice(0, 0)), LENGTH, np.arange(7) == 0)
    reference = ParitySide(mean_encoder(EMBEDDINGS), ITEM_EMBEDDINGS)
    encode = open_ranker(bundle, precision).encode
    return measure_parity(precision, reference, replace(reference, encode=encode), inputs)


def test_exported_onnx_files_pass(tmp_path):
    write_bundle(tmp_path)
    for precision in ("fp32", "int8"):
        result = tiny_parity(open_bundle(tmp_path), precision)
        assert result.passed, result.sentence
        assert result.max_difference == pytest.approx(0.0 if precision == "fp32" else 0.01, abs=1e-6)


def test_the_file_of_another_model_shows_in_the_difference(tmp_path):
    write_bundle(tmp_path)
    write_encoder(tmp_path / "shopper_encoder.int8.onnx", EMBEDDINGS[:, ::-1].copy())
    manifest = Manifest.model_validate_json((tmp_path / MANIFEST).read_bytes())
    write_manifest(tmp_path, manifest.info)
    result = tiny_parity(open_bundle(tmp_path), "int8")
    assert result.max_difference == 1.0


def test_a_result_of_an_earlier_version_is_read():
    current = parity_result("fp32", mean_encoder(PROBE_EMBEDDINGS))
    stored = current.model_dump(mode="json")
    stored |= {"overlap_needed": stored.pop("min_overlap"), "worst": stored.pop("worst_probe")}
    assert ParityResult.model_validate(stored) == current
