"""A bundle of a random model, and histories of all lengths to rank with it."""

from pathlib import Path

import numpy as np
import torch

from freshet.data.history import Histories, model_input
from freshet.data.item_encoding import encode_attributes, fit_schema
from freshet.inference.baselines import Baselines, save_baselines
from freshet.inference.bundle import Bundle, open_bundle, save_vocabulary
from freshet.inference.golden_requests import golden_ranker_outputs, save_golden_requests
from freshet.inference.manifest import BundleInfo, Precision, write_manifest
from freshet.inference.ranker import open_ranker
from freshet.item_schema import ItemSchema
from freshet.model.onnx_export import export
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.transformer import Recommender
from tests.checkerboard import vocabulary_of

N_ITEMS, MAX_HISTORY, N_HISTORIES, TOP_K = 601, 24, 160, 20
SMALL_PARAMS = TrainParams(
    max_history=MAX_HISTORY, hidden_dim=32, embedding_dim=32, n_heads=2, n_layers=1, ensemble_size=2
)


def write_random_bundle(folder: Path, precision: Precision = "fp32") -> Bundle:
    """Write a bundle with 601 items, half of which have the embedding of another item, so that scores tie."""
    torch.manual_seed(0)
    vocabulary = vocabulary_of(N_ITEMS)
    inputs = fit_schema(vocabulary.item_schema, vocabulary.item_attributes)
    model = Recommender(ModelConfig.from_params(SMALL_PARAMS, N_ITEMS, inputs)).load_content(
        encode_attributes(inputs, vocabulary.item_attributes)
    )
    model.init_item_embeddings(torch.randn(N_ITEMS + 1, 64), torch.randn(N_ITEMS + 1))
    export(model.eval(), vocabulary, folder, fp16=True)
    vectors = np.load(folder / "item_embeddings.npy")
    vectors[302:602] = vectors[2:302]
    np.save(folder / "item_embeddings.npy", vectors)
    save_vocabulary(vocabulary, folder / "vocabulary.npz")
    random = np.random.default_rng(0)
    near = random.integers(0, N_ITEMS + 1, (N_ITEMS + 1, 5)).astype(np.int32)
    popularity = random.integers(0, 9, N_ITEMS + 1).astype(np.float64)
    save_baselines(Baselines(popularity, near, (near > 0).astype(np.float32)), folder / "baselines.npz")
    batch = model_input(random_histories(), MAX_HISTORY)
    (folder / "golden.npz").touch()
    ranker = open_ranker(_seal_and_open(folder, precision, inputs))
    save_golden_requests(batch, ranker.encode(batch), folder / "golden.npz", golden_ranker_outputs(ranker, batch))
    return _seal_and_open(folder, precision, inputs)


def _seal_and_open(folder: Path, precision: Precision, inputs: ItemSchema) -> Bundle:
    facts = {"created_by": "t", "lineage": {}, "parameters": {}, "metrics": {}}
    return open_bundle(
        folder,
        write_manifest(folder, BundleInfo(precision=precision, max_history=MAX_HISTORY, item_schema=inputs, **facts)),
    )


def random_histories() -> Histories:
    """Return 160 histories in random order, from no event to more than the encoder reads."""
    random = np.random.default_rng(1)
    sizes = random.permutation(
        np.concatenate([np.repeat([0, 1, 2, 5, 8, MAX_HISTORY, 40], 15), random.integers(1, 30, 55)])
    )
    total = int(sizes.sum())
    return Histories(
        shoppers=np.arange(N_HISTORIES).astype(str),
        offsets=np.concatenate([[0], np.cumsum(sizes)]),
        items=random.integers(0, N_ITEMS + 1, total),
        types=random.integers(1, 5, total),
        times=np.cumsum(random.integers(0, 9000, total)),
        days=np.zeros(total, dtype=np.int64),
    )


def shopper_slice(histories: Histories, start: int, stop: int) -> Histories:
    """Return the histories of the shoppers start … stop - 1."""
    low, high = histories.offsets[start], histories.offsets[min(stop, N_HISTORIES)]
    events = (values[low:high] for values in (histories.items, histories.types, histories.times, histories.days))
    return Histories(histories.shoppers[start:stop], histories.offsets[start : stop + 1] - low, *events)
