"""A bundle of the size that matters with a model that has learned nothing: it costs as much to serve."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from freshet.content import encode, fitted
from freshet.history import ModelInput
from freshet.live.baselines import Baselines, save_baselines
from freshet.live.bundle import BASELINES, GOLDEN, VOCABULARY, save_vocabulary
from freshet.live.golden import make_golden
from freshet.live.journal import Entry, append, bundle_path, length
from freshet.live.manifest import MANIFEST, Manifest, seal
from freshet.live.scorer import Encoded
from freshet.settings import Settings
from freshet.store import Store
from freshet.vocabulary import Vocabulary

CATEGORIES = 40


def write(folder: Path, items: int) -> None:
    """A sealed bundle in `folder`, of the model in its default size."""
    import torch

    from freshet.model.export import export
    from freshet.model.params import ModelConfig, TrainParams
    from freshet.model.transformer import Recommender

    torch.manual_seed(0)
    vocabulary, params = catalogue(items), TrainParams()
    inputs = fitted(vocabulary.inputs, vocabulary.columns)
    model = Recommender(ModelConfig.of(params, items, inputs)).know(encode(inputs, vocabulary.columns))
    model.begin(torch.randn(items + 1, params.members * params.vector), torch.randn(items + 1))
    export(model.eval(), vocabulary, folder, graphs=Settings(_env_file=None).cache / "graphs")
    save_vocabulary(vocabulary, folder / VOCABULARY)
    save_baselines(_baselines(items), folder / BASELINES)
    _golden(folder, items)
    seal(
        folder, created_by="benchmark", precision="int8", length=params.length, item_inputs=inputs, lineage={},
        parameters={}, metrics={},
    )  # fmt: skip


def release(store: Store, folder: Path, note: str) -> int:
    """Release a sealed bundle's files once more under another name; returns the journal entry's number."""
    name = _renamed(folder, note)
    store.put_folder(folder, bundle_path(name), MANIFEST)
    number, now = length(store) + 1, datetime.now(UTC)
    said = {"verdict": "", "why": "", "by": "benchmark"}
    append(store, Entry(number=number, decided_on=number - 1, kind="release", bundle=name, at=now, **said))
    return number


def _renamed(folder: Path, note: str) -> str:
    """Seal the folder again as it was, but for a note among its parameters; returns the new id."""
    sealed = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    return seal(
        folder, created_by=sealed.created_by, precision=sealed.precision, length=sealed.length,
        event_type=sealed.event_type, item_inputs=sealed.item_inputs, blend=sealed.blend, lineage=sealed.lineage,
        parameters={**sealed.parameters, "note": note}, metrics=sealed.metrics,
    )  # fmt: skip


def catalogue(items: int) -> Vocabulary:
    """`i1` … with titles, categories and prices."""
    rng = np.random.default_rng(0)
    categories = [f"c{c}" for c in rng.integers(0, CATEGORIES, items)]
    return Vocabulary(
        item_ids=np.array(["", *(f"i{n}" for n in range(1, items + 1))]),
        titles=np.array(["", *(f"Item {n} of {c}" for n, c in enumerate(categories, start=1))]),
        categories=np.array(["", *categories]),
        prices=np.concatenate([[np.nan], rng.uniform(1, 100, items).round(2)]),
        tombstones=np.zeros(items + 1, dtype=bool),
    )


def _baselines(items: int) -> Baselines:
    rng = np.random.default_rng(0)
    near = rng.integers(1, items + 1, (items + 1, 100)).astype(np.int32)
    popularity = np.concatenate([[0.0], rng.zipf(1.5, items).clip(max=100_000).astype(np.float64)])
    return Baselines(popularity, near, np.full(near.shape, 0.5, dtype=np.float32))


def _golden(folder: Path, items: int) -> None:
    """Asked of the encoder that serves."""
    import onnxruntime as ort

    rng = np.random.default_rng(0)
    rows = rng.integers(1, items + 1, (4, 8))
    ones = np.ones((4, 8), dtype=np.int64)
    session = ort.InferenceSession(str(folder / "shopper_encoder.int8.onnx"))
    vectors, repeats = session.run(["vectors", "repeats"], {"items": rows, "types": ones, "gaps": ones})
    batch = ModelInput(np.arange(5) * 8, rows.ravel(), ones.ravel(), ones.ravel(), np.arange(32))
    make_golden(batch, Encoded(vectors, repeats.ravel()), folder / GOLDEN)
