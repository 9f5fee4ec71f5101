import numpy as np
import pytest

from freshet.data.eval_cases import next_basket_cases
from freshet.data.history import Histories
from freshet.inference.bundle import open_bundle
from freshet.inference.ranker import open_ranker
from freshet.inference.scoring import EncodedHistories
from freshet.verification.parity import measure_parity, parity_probes
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
    """The same answer with every vector stretched."""
    return EncodedHistories(answer.embeddings * np.float32(factor), answer.repeat_scores)


def cases():
    """40 shoppers with two single-item baskets each, the second one asked for."""
    days = np.tile([9, 12], 40)
    items = RNG.integers(1, ITEMS + 1, 80)
    ones = np.ones(80, dtype=np.int64)
    histories = Histories(np.arange(40).astype(str), np.arange(0, 81, 2), items, ones, days * 86400, days)
    return next_basket_cases(histories, 10, 20)


def parity_result(precision, rung):
    probe_batches = parity_probes(LENGTH, ITEMS, seed=0)
    return measure_parity(
        precision,
        mean_encoder(PROBE_EMBEDDINGS),
        rung,
        PROBE_EMBEDDINGS,
        EXCLUDED_ITEMS,
        probe_batches,
        cases(),
        LENGTH,
    )


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
    rung = parity_result("fp32", mean_encoder(PROBE_EMBEDDINGS))
    assert rung.passed
    assert (rung.overlap, rung.ndcg_loss, rung.max_difference) == (1.0, 0.0, 0.0)
    assert rung.sentence.startswith("fp32 passes: top 20 overlap 1.0000 (needed 0.99), worst on ")


def test_another_model_fails_and_the_worst_probe_is_named():
    rung = parity_result(
        "fp32", mean_encoder(PROBE_EMBEDDINGS + 0.2 * RNG.normal(size=PROBE_EMBEDDINGS.shape).astype(np.float32))
    )
    assert not rung.passed
    assert rung.worst_overlap < rung.overlap < 0.99
    assert rung.worst_probe in {probe.name for probe in parity_probes(LENGTH, ITEMS, seed=0)} | {"real histories"}
    assert rung.sentence.startswith("fp32 fails: ")


def test_a_small_difference_passes_int8():
    rung = parity_result(
        "int8", mean_encoder(PROBE_EMBEDDINGS + 1e-3 * RNG.normal(size=PROBE_EMBEDDINGS.shape).astype(np.float32))
    )
    assert rung.min_overlap == 0.95
    assert rung.overlap >= 0.95
    assert 0 < rung.max_difference < 0.01


def test_an_answer_that_is_not_a_number_fails():
    rung = parity_result("int8", lambda batch: scale_vectors(mean_encoder(PROBE_EMBEDDINGS)(batch), np.nan))
    assert not rung.passed


def test_a_single_probe_going_wrong_fails_though_the_mean_is_high_enough():
    single_batch = next(
        probe.batch for probe in parity_probes(LENGTH, ITEMS, seed=0) if probe.name == "full, batch of 1"
    )

    def encode_wrong_once(batch):
        encoded = mean_encoder(PROBE_EMBEDDINGS)(batch)
        return scale_vectors(encoded, -1) if np.array_equal(batch.items, single_batch.items) else encoded

    rung = parity_result("int8", encode_wrong_once)
    assert (rung.worst_probe, rung.worst_overlap) == ("full, batch of 1", 0.0)
    assert rung.overlap == 0.95
    assert not rung.passed


def test_the_ladder_climbs_real_onnx_files(tmp_path):
    write_bundle(tmp_path)
    bundle = open_bundle(tmp_path)
    excluded_items = np.arange(7) == 0
    no_cases = cases().take(slice(0, 0))
    for precision in ("fp32", "int8"):
        onnx = open_ranker(bundle, precision).encode
        rung = measure_parity(
            precision,
            mean_encoder(EMBEDDINGS),
            onnx,
            ITEM_EMBEDDINGS,
            excluded_items,
            parity_probes(LENGTH, 6, seed=0),
            no_cases,
            LENGTH,
        )
        assert rung.passed, rung.sentence
        assert rung.max_difference == pytest.approx(0.0 if precision == "fp32" else 0.01, abs=1e-6)


def test_a_file_of_another_model_is_found_out(tmp_path):
    write_bundle(tmp_path)
    write_encoder(tmp_path / "shopper_encoder.int8.onnx", EMBEDDINGS[:, ::-1].copy())
    from freshet.inference.manifest import write_manifest

    write_manifest(
        tmp_path, created_by="t", precision="fp32", max_history=LENGTH, lineage={}, parameters={}, metrics={}
    )
    onnx = open_ranker(open_bundle(tmp_path), "int8").encode
    excluded_items = np.arange(7) == 0
    rung = measure_parity(
        "int8",
        mean_encoder(EMBEDDINGS),
        onnx,
        ITEM_EMBEDDINGS,
        excluded_items,
        parity_probes(LENGTH, 6, seed=0),
        cases().take(slice(0, 0)),
        LENGTH,
    )
    assert rung.max_difference == 1.0
