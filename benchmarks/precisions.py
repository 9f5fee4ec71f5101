"""The shopper encoder in each precision: milliseconds per history, and whether a list depends on the other requests.

    python -m benchmarks.precisions [--items 10000] [--max-history 100] [--histories 160] [--rounds 5]

A random model of the default size on one thread encodes histories alone and in batches of 16, as a gateway does.
`padded` runs a batch at once, as before ADR 25; `by length` and `one by one` are the ranker's ways; `in blocks` is
onnxruntime's MatMulNBits. Milliseconds are processor time of the best round, which other work on the machine disturbs
least. Last line: JSON.
"""

import argparse
import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.random_bundle import write_bundle
from benchmarks.report import print_progress, print_result
from benchmarks.timing import best_seconds
from freshet.data.history import ModelInput
from freshet.inference.bundle import Bundle, encoder_file_name, open_bundle
from freshet.inference.ranker import Ranker, open_ranker
from freshet.inference.scoring import dot_products, slice_batch, top_k
from freshet.verification.batch_invariance import batch_invariance

BATCH_SIZE = 16
TOP_K = 20


def main() -> None:
    """Measure every encoder and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--max-history", type=int, default=100, help="events of the longest history")
    parser.add_argument("--histories", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        print_progress("sealing a random bundle")
        write_bundle(folder, args.items)
        bundle = open_bundle(folder)
        batch = random_histories(args.items, min(args.max_history, bundle.manifest.max_history), args.histories)
        reference = top_k_lists(open_ranker(bundle, "fp32", threads=1), batch)
        encoders = {}
        for name, ranker in open_rankers(bundle).items():
            print_progress(name)
            encoders[name] = encoder_figures(ranker, batch, reference, args.rounds)
        print_result(
            "precisions",
            {
                "items": args.items,
                "max_history": args.max_history,
                "encoders": encoders,
                "products": product_times_ms(bundle),
            },
        )


def open_rankers(bundle: Bundle) -> dict[str, Ranker]:
    """Rankers by name: every precision with every way of batching."""
    fp32, int8 = (open_ranker(bundle, precision, threads=1) for precision in ("fp32", "int8"))
    quantize_in_blocks(bundle.folder)
    blocks = open_ranker(bundle, "int8", threads=1)
    return {
        "fp32, padded": replace(fp32, batching="together"),
        "fp32, by length": fp32,
        "int8, padded": replace(int8, batching="together"),
        "int8, one by one": int8,
        "int8 in blocks, by length": blocks,
    }


def quantize_in_blocks(folder: Path) -> None:
    """Replace the bundle's int8 encoder by one quantized in blocks of 128 numbers."""
    import onnx
    from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer

    config = DefaultWeightOnlyQuantConfig(block_size=128, is_symmetric=True, accuracy_level=4, bits=8)
    quantizer = MatMulNBitsQuantizer(onnx.load(folder / encoder_file_name("fp32")), algo_config=config)
    logging.disable(logging.INFO)
    quantizer.process()
    onnx.save(quantizer.model.model, folder / encoder_file_name("int8"))


def random_histories(items: int, length: int, count: int) -> ModelInput:
    """Histories of random items, with 1 to `length` events."""
    rng = np.random.default_rng(0)
    sizes = np.concatenate([[1, length], rng.integers(1, length + 1, count - 2)])
    offsets = np.concatenate([[0], np.cumsum(rng.permutation(sizes))])
    total = int(offsets[-1])
    gaps = rng.integers(1, 24, total)
    gaps[offsets[:-1]] = 0
    items_and_types = rng.integers(1, items + 1, total), rng.integers(1, 5, total)
    return ModelInput(offsets, *items_and_types, gaps, np.arange(total))


def encoder_figures(
    ranker: Ranker, batch: ModelInput, reference: list[set[int]], rounds: int
) -> dict[str, float | int]:
    """Overlap with the top 20 of fp32, share of equal lists in a batch, and milliseconds of encoding a history."""
    size = len(batch.offsets) - 1
    ranked_lists = top_k_lists(ranker, batch)
    single_ms, single_samples = best_round(rounds, lambda: encode_times_ms(ranker, batch, 1))
    batch_ms, _ = best_round(rounds, lambda: encode_times_ms(ranker, batch, BATCH_SIZE))
    return {
        "top_20_of_fp32": round(
            float(np.mean([len(a & b) / TOP_K for a, b in zip(ranked_lists, reference, strict=True)])), 4
        ),
        "equal_in_a_batch": round(batch_invariance(ranker, batch), 4),
        "alone_ms": round(single_ms / size, 3),
        "alone_p99_ms": round(float(np.quantile(single_samples, 0.99)), 3),
        "in_a_batch_ms": round(batch_ms / size, 3),
    }


def top_k_lists(ranker: Ranker, batch: ModelInput) -> list[set[int]]:
    """The top 20 of every history, ranked alone."""
    size = len(batch.offsets) - 1
    return [set(top_k(ranker.score(slice_batch(batch, n, n + 1)), TOP_K)[0][0].tolist()) for n in range(size)]


def encode_times_ms(ranker: Ranker, histories: ModelInput, batch_size: int) -> list[float]:
    """Milliseconds of processor time of each batch."""
    size, times_ms = len(histories.offsets) - 1, []
    for first in range(0, size, batch_size):
        batch = slice_batch(histories, first, min(first + batch_size, size))
        start = time.thread_time()
        ranker.encode(batch)
        times_ms.append(1000 * (time.thread_time() - start))
    return times_ms


def best_round(rounds: int, measure: Callable[[], list[float]]) -> tuple[float, list[float]]:
    """(sum, values) of the round with the smallest sum, after one round to warm up."""
    return min((sum(values), values) for values in [measure() for _ in range(rounds + 1)][1:])


def product_times_ms(bundle: Bundle) -> dict[str, float]:
    """Milliseconds of scoring all items for one history and for a batch: block by block, and as one product."""
    vectors = np.random.default_rng(0).normal(size=(BATCH_SIZE, bundle.item_embeddings.shape[1])).astype(np.float32)
    item_embeddings, single_vector = bundle.item_embeddings, vectors[:1]
    return {
        "1, by blocks": _best_ms(lambda: dot_products(single_vector, item_embeddings)),
        "1, one product": _best_ms(lambda: single_vector @ item_embeddings.T),
        f"{BATCH_SIZE}, by blocks": _best_ms(lambda: dot_products(vectors, item_embeddings)),
        f"{BATCH_SIZE}, one product": _best_ms(lambda: vectors @ item_embeddings.T),
    }


def _best_ms(work: Callable[[], object]) -> float:
    return round(1000 * best_seconds(work, 20, time.thread_time), 3)


if __name__ == "__main__":
    main()
