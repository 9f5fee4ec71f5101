"""A bundle with a random model: it costs as much to serve as a trained one of the same size."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from freshet.data.history import ModelInput
from freshet.data.item_encoding import encode_attributes, fit_schema
from freshet.data.vocabulary import Vocabulary
from freshet.inference.baselines import Baselines, save_baselines
from freshet.inference.bundle import BASELINES_FILE, GOLDEN_FILE, VOCABULARY_FILE, save_vocabulary
from freshet.inference.golden_requests import save_golden_requests
from freshet.inference.manifest import MANIFEST, BundleInfo, Manifest, write_manifest
from freshet.inference.scoring import EncodedHistories
from freshet.releases.journal import JournalEntry, append_entry, bundle_path, entry_count
from freshet.settings import Settings
from freshet.store import Store

N_CATEGORIES = 40


def write_bundle(folder: Path, items: int) -> None:
    """Write a bundle with a random model of the default size into `folder`."""
    import torch

    from freshet.model.onnx_export import export
    from freshet.model.params import ModelConfig, TrainParams
    from freshet.model.transformer import Recommender

    torch.manual_seed(0)
    vocabulary, params = random_vocabulary(items), TrainParams()
    item_schema = fit_schema(vocabulary.item_schema, vocabulary.item_attributes)
    model = Recommender(ModelConfig.from_params(params, items, item_schema)).load_content(
        encode_attributes(item_schema, vocabulary.item_attributes)
    )
    model.init_item_embeddings(
        torch.randn(items + 1, params.ensemble_size * params.embedding_dim), torch.randn(items + 1)
    )
    export(model.eval(), vocabulary, folder, graph_cache=Settings(_env_file=None).cache_dir / "graphs")
    save_vocabulary(vocabulary, folder / VOCABULARY_FILE)
    save_baselines(_random_baselines(items), folder / BASELINES_FILE)
    _write_golden_requests(folder, items)
    write_manifest(
        folder,
        BundleInfo(
            created_by="benchmark",
            precision="int8",
            max_history=params.max_history,
            item_schema=item_schema,
            lineage={},
            parameters={},
            metrics={},
        ),
    )


def release_copy(store: Store, folder: Path, note: str) -> int:
    """Release a bundle's files again under another id; returns the number of the journal entry."""
    name = _reseal(folder, note)
    store.put_folder(folder, bundle_path(name), MANIFEST)
    number, released_at = entry_count(store) + 1, datetime.now(UTC)
    decision = {"verdict": "", "why": "", "by": "benchmark"}
    append_entry(
        store,
        JournalEntry(number=number, decided_on=number - 1, kind="release", bundle=name, at=released_at, **decision),
    )
    return number


def _reseal(folder: Path, note: str) -> str:
    """Write the manifest again with a note among its parameters; returns the new id."""
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    return write_manifest(
        folder, manifest.info.model_copy(update={"parameters": {**manifest.parameters, "note": note}})
    )


def random_vocabulary(items: int) -> Vocabulary:
    """Items `i1`, `i2`, … with titles, categories and prices."""
    rng = np.random.default_rng(0)
    categories = [f"c{c}" for c in rng.integers(0, N_CATEGORIES, items)]
    return Vocabulary(
        item_ids=np.array(["", *(f"i{n}" for n in range(1, items + 1))]),
        titles=np.array(["", *(f"Item {n} of {c}" for n, c in enumerate(categories, start=1))]),
        categories=np.array(["", *categories]),
        prices=np.concatenate([[np.nan], rng.uniform(1, 100, items).round(2)]),
        delisted=np.zeros(items + 1, dtype=bool),
    )


def _random_baselines(items: int) -> Baselines:
    rng = np.random.default_rng(0)
    neighbours = rng.integers(1, items + 1, (items + 1, 100)).astype(np.int32)
    popularity = np.concatenate([[0.0], rng.zipf(1.5, items).clip(max=100_000).astype(np.float64)])
    return Baselines(popularity, neighbours, np.full(neighbours.shape, 0.5, dtype=np.float32))


def _write_golden_requests(folder: Path, items: int) -> None:
    """Write golden requests with the outputs of the int8 encoder."""
    import onnxruntime as ort

    rng = np.random.default_rng(0)
    rows = rng.integers(1, items + 1, (4, 8))
    ones_array = np.ones((4, 8), dtype=np.int64)
    session = ort.InferenceSession(str(folder / "shopper_encoder.int8.onnx"))
    vectors, repeats = session.run(["vectors", "repeats"], {"items": rows, "types": ones_array, "gaps": ones_array})
    batch = ModelInput(np.arange(5) * 8, rows.ravel(), ones_array.ravel(), ones_array.ravel(), np.arange(32))
    save_golden_requests(batch, EncodedHistories(vectors, repeats.ravel()), folder / GOLDEN_FILE)
