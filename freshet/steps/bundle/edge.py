"""The asset `edge_bundle`, without Dagster: the bundle made small, and kept only if it answers like the full one."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from freshet.artifacts import BundleRef, EdgeRef
from freshet.data.eval_cases import EvalCases, next_basket_cases
from freshet.data.training_set import TrainingSet
from freshet.errors import BundleError
from freshet.inference.bundle import GOLDEN, MODEL_CARD, Bundle, open_bundle, read_model_card
from freshet.inference.golden_requests import check_golden_requests, golden_ranker_outputs, save_golden_requests
from freshet.inference.manifest import MANIFEST, write_manifest
from freshet.inference.ranker import open_ranker
from freshet.inference.scoring import slice_batch
from freshet.releases.current import fetch_bundle
from freshet.releases.journal import bundle_path
from freshet.runtime import code_version
from freshet.settings import Settings
from freshet.steps.bundle.edge_compression import write_edge_files
from freshet.steps.step_result import StepResult, run_gate
from freshet.store import Store
from freshet.tables.reader import load_training_set
from freshet.verification.parity import BlendInputs, ParityResult, measure_parity, parity_probes

SIZE_BUDGET_BYTES: Final = 5_000_000  # bytes for up to ROOM_ITEMS items, and as many more an item beyond
SIZE_BUDGET_ITEMS: Final = 10_000
MAX_PARITY_CASES: Final = 1000
GOLDEN_REQUESTS: Final = 8
PARITY_SEED: Final = 7


@dataclass(frozen=True)
class EdgeBundle:
    """An edge bundle with what its gate saw. files: name → bytes, the manifest included."""

    bundle: Bundle
    parity: ParityResult
    file_sizes: Mapping[str, int]
    size_budget: int


def make_edge_bundle(settings: Settings, store: Store, ref: BundleRef) -> StepResult[EdgeBundle | None, EdgeRef]:
    """A small bundle out of the full one that `ref` names, stored beside it if the gate passes.

    Raises BundleError or LakeError where the full one cannot be read.
    """
    data = load_training_set(settings, ref.model.training_set)
    full_bundle = fetch_bundle(store, ref.id, settings.cache_dir)
    with tempfile.TemporaryDirectory() as temporary:
        edge, failure = compress_bundle(full_bundle, data, Path(temporary))
        gate = run_gate("edge_bundle", profile(edge, failure), settings)
        if edge is None or gate.refusal_reasons():
            return StepResult(gate, edge, None)
        store.put_folder(Path(temporary), bundle_path(edge.bundle.id), MANIFEST)
    return StepResult(gate, edge, EdgeRef(id=edge.bundle.id, bundle=ref))


def compress_bundle(full_bundle: Bundle, data: TrainingSet, folder: Path) -> tuple[EdgeBundle | None, str]:
    """The edge bundle in `folder`, held against the full one's fp32 answers; or None and why it is none."""
    max_history, n_items = full_bundle.manifest.max_history, len(full_bundle.vocabulary)
    synthetic_probes = parity_probes(max_history, n_items, PARITY_SEED)
    golden_batch = next(
        probe.batch for probe in synthetic_probes if probe.name.startswith("mixed padding, batch of 64")
    )
    write_edge_files(full_bundle, folder)
    (folder / MODEL_CARD).write_text(
        read_model_card(full_bundle) + "\nMade small for the edge: int8 throughout.\n", "utf-8"
    )
    reference_encoder = open_ranker(full_bundle, "fp32").encode
    excluded_items = full_bundle.vocabulary.delisted | (np.arange(n_items + 1) == 0)
    golden_inputs = slice_batch(golden_batch, 0, GOLDEN_REQUESTS)
    try:
        save_golden_requests(golden_inputs, reference_encoder(golden_inputs), folder / GOLDEN)
        golden_ranker = open_ranker(_seal_edge_bundle(full_bundle, folder))
        save_golden_requests(
            golden_inputs,
            golden_ranker.encode(golden_inputs),
            folder / GOLDEN,
            golden_ranker_outputs(golden_ranker, golden_inputs),
        )
        ranker = open_ranker(_seal_edge_bundle(full_bundle, folder))
        parity = measure_parity(
            "int8",
            reference_encoder,
            ranker.encode,
            full_bundle.item_embeddings,
            excluded_items,
            synthetic_probes,
            _parity_cases(data),
            max_history,
            ranker.bundle.item_embeddings,
            _blend_inputs(full_bundle),
            _blend_inputs(ranker.bundle),
        )
        check_golden_requests(ranker)
    except BundleError as error:
        return None, str(error)
    file_sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    return EdgeBundle(
        ranker.bundle, parity, file_sizes, SIZE_BUDGET_BYTES * max(n_items, SIZE_BUDGET_ITEMS) // SIZE_BUDGET_ITEMS
    ), ""


def profile(edge: EdgeBundle | None, failure: str) -> Mapping[str, object]:
    """What the gate judges."""
    if edge is None:
        return {
            **dict.fromkeys(("overlap", "ndcg_loss", "share_of_size_budget")),
            "corrupt": 1,
            "corrupt_reason": failure,
        }
    size = sum(edge.file_sizes.values())
    return {
        "overlap": edge.parity.overlap,
        "overlap_details": edge.parity.sentence,
        "ndcg_loss": edge.parity.ndcg_loss,
        "bytes": size,
        "size_budget": edge.size_budget,
        "share_of_size_budget": size / edge.size_budget,
        "largest_file": max(edge.file_sizes, key=lambda name: edge.file_sizes[name]),
        "corrupt": int(not np.isfinite(edge.parity.max_difference)),
        "corrupt_reason": edge.parity.sentence,
    }


def _blend_inputs(bundle: Bundle) -> BlendInputs:
    """What the bundle's ranker adds to the scores of its encoder."""
    return bundle.baselines.blend_tables, bundle.manifest.blend


def _seal_edge_bundle(full_bundle: Bundle, folder: Path) -> Bundle:
    manifest = full_bundle.manifest
    bundle_id = write_manifest(
        folder,
        created_by=code_version(),
        precision="int8",
        max_history=manifest.max_history,
        event_type=manifest.event_type,
        item_schema=manifest.item_schema,
        blend=manifest.blend,
        lineage={**manifest.lineage, "edge_of": full_bundle.id},
        parameters=manifest.parameters,
        metrics=manifest.metrics,
    )
    return open_bundle(folder, bundle_id)


def _parity_cases(data: TrainingSet) -> EvalCases:
    cases = next_basket_cases(data.histories, data.train_until, data.as_of)
    sample = np.random.default_rng(PARITY_SEED).permutation(len(cases))[:MAX_PARITY_CASES]
    return cases.take(np.sort(sample))
