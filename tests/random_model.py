"""A bundle of a random model, exported as any is, and histories of all lengths to ask it for."""

from pathlib import Path

import numpy as np
import torch

from freshet.content import encode, fitted
from freshet.history import Histories, model_input
from freshet.item_inputs import Schema
from freshet.live.baselines import Baselines, save_baselines
from freshet.live.bundle import Bundle, open_bundle, save_vocabulary
from freshet.live.golden import make_golden, whole_golden
from freshet.live.manifest import Precision, seal
from freshet.live.ranker import open_ranker
from freshet.model.export import export
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.transformer import Recommender
from tests.checkerboard import vocabulary_of

ITEMS, LENGTH, ASKED, TOP = 601, 24, 160, 20
SHAPE = TrainParams(length=LENGTH, width=32, vector=32, heads=2, blocks=1, members=2)


def write_random_bundle(folder: Path, precision: Precision = "fp32") -> Bundle:
    """601 items; every second one has a twin with the very same vector, so that scores tie."""
    torch.manual_seed(0)
    vocabulary = vocabulary_of(ITEMS)
    inputs = fitted(vocabulary.inputs, vocabulary.columns)
    model = Recommender(ModelConfig.of(SHAPE, ITEMS, inputs)).know(encode(inputs, vocabulary.columns))
    model.begin(torch.randn(ITEMS + 1, 64), torch.randn(ITEMS + 1))
    export(model.eval(), vocabulary, folder, half=True)
    vectors = np.load(folder / "item_vectors.npy")
    vectors[302:602] = vectors[2:302]
    np.save(folder / "item_vectors.npy", vectors)
    save_vocabulary(vocabulary, folder / "vocabulary.npz")
    random = np.random.default_rng(0)
    near = random.integers(0, ITEMS + 1, (ITEMS + 1, 5)).astype(np.int32)
    popularity = random.integers(0, 9, ITEMS + 1).astype(np.float64)
    save_baselines(Baselines(popularity, near, (near > 0).astype(np.float32)), folder / "baselines.npz")
    batch = model_input(asked(), LENGTH)
    (folder / "golden.npz").touch()
    ranker = open_ranker(_sealed(folder, precision, inputs))
    make_golden(batch, ranker.encode(batch), folder / "golden.npz", whole_golden(ranker, batch))
    return _sealed(folder, precision, inputs)


def _sealed(folder: Path, precision: Precision, inputs: Schema) -> Bundle:
    facts = {"created_by": "t", "lineage": {}, "parameters": {}, "metrics": {}}
    return open_bundle(folder, seal(folder, precision=precision, length=LENGTH, item_inputs=inputs, **facts))


def asked() -> Histories:
    """160 histories: none, one event, a few, many more than the encoder reads, in no order."""
    random = np.random.default_rng(1)
    sizes = random.permutation(np.concatenate([np.repeat([0, 1, 2, 5, 8, LENGTH, 40], 15), random.integers(1, 30, 55)]))
    total = int(sizes.sum())
    return Histories(
        shoppers=np.arange(ASKED).astype(str),
        offsets=np.concatenate([[0], np.cumsum(sizes)]),
        items=random.integers(0, ITEMS + 1, total),
        types=random.integers(1, 5, total),
        times=np.cumsum(random.integers(0, 9000, total)),
        days=np.zeros(total, dtype=np.int64),
    )


def some(histories: Histories, start: int, stop: int) -> Histories:
    """The shoppers start … stop - 1."""
    low, high = histories.offsets[start], histories.offsets[min(stop, ASKED)]
    events = (values[low:high] for values in (histories.items, histories.types, histories.times, histories.days))
    return Histories(histories.shoppers[start:stop], histories.offsets[start : stop + 1] - low, *events)
