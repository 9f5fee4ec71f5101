"""What the shopper encoder costs in each precision, and whether an answer depends on who else asks.

    python -m benchmarks.precisions [--items 10000] [--longest 100] [--histories 160] [--rounds 5]

A random model in its default size on one thread, asked alone and in groups of 16, as a gateway asks. `padded` is a
group in one run, as before ADR 25; `by length` and `one by one` are the ranker's ways; `in blocks` is onnxruntime's
MatMulNBits. Milliseconds are the best round's, of processor time, so that a busy machine decides little.
Last line of stdout: {"encoders": {name: {…}}, "products": {…}}.
"""

import argparse
import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.random_bundle import write
from benchmarks.report import finish, say
from freshet.history import ModelInput
from freshet.judge.together import alike_together
from freshet.live.bundle import Bundle, encoder_file, open_bundle
from freshet.live.ranker import Ranker, open_ranker
from freshet.live.scorer import products, rows, top_k

GROUP = 16
TOP = 20


def main() -> None:
    """Entry point of `python -m benchmarks.precisions`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--longest", type=int, default=100, help="events of the longest history")
    parser.add_argument("--histories", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        say("sealing a random bundle")
        write(folder, arguments.items)
        bundle = open_bundle(folder)
        batch = histories(arguments.items, min(arguments.longest, bundle.manifest.length), arguments.histories)
        reference = lists(open_ranker(bundle, "fp32", threads=1), batch)
        encoders = {}
        for name, ranker in rankers(bundle).items():
            say(name)
            encoders[name] = figures(ranker, batch, reference, arguments.rounds)
        finish(
            "precisions",
            {
                "items": arguments.items,
                "longest": arguments.longest,
                "encoders": encoders,
                "products": of_products(bundle),
            },
        )


def rankers(bundle: Bundle) -> dict[str, Ranker]:
    """Every encoder, each in the ways it can be asked."""
    fp32, int8 = (open_ranker(bundle, precision, threads=1) for precision in ("fp32", "int8"))
    in_blocks(bundle.folder)
    blocks = open_ranker(bundle, "int8", threads=1)
    return {
        "fp32, padded": replace(fp32, runs="together"),
        "fp32, by length": fp32,
        "int8, padded": replace(int8, runs="together"),
        "int8, one by one": int8,
        "int8 in blocks, by length": blocks,
    }


def in_blocks(folder: Path) -> None:
    """Put int8 with a scale for every 128 numbers of an event in the place of the bundle's own."""
    import onnx
    from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer

    config = DefaultWeightOnlyQuantConfig(block_size=128, is_symmetric=True, accuracy_level=4, bits=8)
    quantizer = MatMulNBitsQuantizer(onnx.load(folder / encoder_file("fp32")), algo_config=config)
    logging.disable(logging.INFO)
    quantizer.process()
    onnx.save(quantizer.model.model, folder / encoder_file("int8"))


def histories(items: int, length: int, count: int) -> ModelInput:
    """One event to `length` of random items, in no order."""
    random = np.random.default_rng(0)
    sizes = np.concatenate([[1, length], random.integers(1, length + 1, count - 2)])
    offsets = np.concatenate([[0], np.cumsum(random.permutation(sizes))])
    total = int(offsets[-1])
    gaps = random.integers(1, 24, total)
    gaps[offsets[:-1]] = 0
    drawn = random.integers(1, items + 1, total), random.integers(1, 5, total)
    return ModelInput(offsets, *drawn, gaps, np.arange(total))


def figures(ranker: Ranker, batch: ModelInput, reference: list[set[int]], rounds: int) -> dict[str, float | int]:
    """Share of fp32's top 20, share alike in a group, and milliseconds of encoding a history."""
    size = len(batch.offsets) - 1
    own = lists(ranker, batch)
    alone, single = best(rounds, lambda: times(ranker, batch, 1))
    grouped, _ = best(rounds, lambda: times(ranker, batch, GROUP))
    return {
        "top_20_of_fp32": round(float(np.mean([len(a & b) / TOP for a, b in zip(own, reference, strict=True)])), 4),
        "alike_in_a_group": round(alike_together(ranker, batch), 4),
        "alone_ms": round(alone / size, 3),
        "alone_p99_ms": round(float(np.quantile(single, 0.99)), 3),
        "in_a_group_ms": round(grouped / size, 3),
    }


def lists(ranker: Ranker, batch: ModelInput) -> list[set[int]]:
    """Every history's top 20, asked alone."""
    size = len(batch.offsets) - 1
    return [set(top_k(ranker.score(rows(batch, n, n + 1)), TOP)[0][0].tolist()) for n in range(size)]


def times(ranker: Ranker, batch: ModelInput, group: int) -> list[float]:
    """Milliseconds of processor time of each group."""
    size, taken = len(batch.offsets) - 1, []
    for start in range(0, size, group):
        part = rows(batch, start, min(start + group, size))
        begun = time.thread_time()
        ranker.encode(part)
        taken.append(1000 * (time.thread_time() - begun))
    return taken


def best(rounds: int, measure: Callable[[], list[float]]) -> tuple[float, list[float]]:
    """(sum, every value) of the round with the least sum; the first warms up."""
    return min((sum(values), values) for values in [measure() for _ in range(rounds + 1)][1:])


def of_products(bundle: Bundle) -> dict[str, float]:
    """Milliseconds of scoring all items for a group: block by block, and as one product."""
    vectors = np.random.default_rng(0).normal(size=(GROUP, bundle.item_vectors.shape[1])).astype(np.float32)
    of_items, one = bundle.item_vectors, vectors[:1]
    return {
        "1, by blocks": _milliseconds(lambda: products(one, of_items)),
        "1, one product": _milliseconds(lambda: one @ of_items.T),
        f"{GROUP}, by blocks": _milliseconds(lambda: products(vectors, of_items)),
        f"{GROUP}, one product": _milliseconds(lambda: vectors @ of_items.T),
    }


def _milliseconds(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(20):
        begun = time.thread_time()
        work()
        taken.append(1000 * (time.thread_time() - begun))
    return round(min(taken), 3)


if __name__ == "__main__":
    main()
