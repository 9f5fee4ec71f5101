"""The asset `edge_bundle`: compress a bundle, and store it if it gives the same recommendations as the full one."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from freshet.artifacts import BundleRef, EdgeRef
from freshet.data.history import ModelInput
from freshet.data.training_set import TrainingSet
from freshet.errors import BundleError
from freshet.inference.bundle import GOLDEN_FILE, MODEL_CARD_FILE, Bundle, open_bundle, read_model_card
from freshet.inference.golden_requests import check_golden_requests, golden_ranker_outputs, save_golden_requests
from freshet.inference.manifest import MANIFEST, write_manifest
from freshet.inference.ranker import Ranker, open_ranker
from freshet.inference.scoring import slice_batch
from freshet.releases.current import fetch_bundle
from freshet.releases.journal import bundle_path
from freshet.runtime import code_version
from freshet.settings import Settings
from freshet.steps.bundle.edge_compression import write_edge_files
from freshet.steps.step_result import StepResult, run_gate
from freshet.store import Store
from freshet.tables.reader import load_training_set
from freshet.verification.parity import ParityResult, ParitySide, measure_parity, parity_inputs

SIZE_BUDGET_BYTES: Final = 5_000_000  # for up to SIZE_BUDGET_ITEMS items; in proportion for more
SIZE_BUDGET_ITEMS: Final = 10_000
N_GOLDEN_REQUESTS: Final = 8


@dataclass(frozen=True)
class EdgeBundle:
    """An edge bundle with the measurements for its gate."""

    bundle: Bundle
    parity: ParityResult
    file_sizes: Mapping[str, int]  # file → bytes, the manifest included
    size_budget: int  # bytes


def make_edge_bundle(settings: Settings, store: Store, ref: BundleRef) -> StepResult[EdgeBundle | None, EdgeRef]:
    """Compress the bundle that `ref` names, and store the edge bundle beside it if the gate passes.

    Raises BundleError or LakeError if the full bundle cannot be read.
    """
    data = load_training_set(settings, ref.model.training_set)
    full_bundle = fetch_bundle(store, ref.id, settings.cache_dir)
    with tempfile.TemporaryDirectory() as temporary:
        edge, failure = compress_bundle(full_bundle, data, Path(temporary))
        gate = run_gate("edge_bundle", edge_profile(edge, failure), settings)
        if edge is None or gate.refusal_reasons():
            return StepResult(gate, edge, None)
        store.put_folder(Path(temporary), bundle_path(edge.bundle.id), MANIFEST)
    return StepResult(gate, edge, EdgeRef(id=edge.bundle.id, bundle=ref))


def compress_bundle(full_bundle: Bundle, data: TrainingSet, folder: Path) -> tuple[EdgeBundle | None, str]:
    """Write the edge bundle into `folder` and compare it with the full fp32 one; (None, reason) if it is broken."""
    n_items = len(full_bundle.vocabulary)
    inputs = parity_inputs(data, full_bundle.vocabulary, full_bundle.manifest.max_history)
    write_edge_files(full_bundle, folder)
    card = f"{read_model_card(full_bundle)}\nCompressed for the edge: int8 throughout.\n"
    (folder / MODEL_CARD_FILE).write_text(card, "utf-8")
    reference = _parity_side(open_ranker(full_bundle, "fp32"))
    try:
        ranker = _sealed_ranker(full_bundle, folder, slice_batch(inputs.golden_batch, 0, N_GOLDEN_REQUESTS), reference)
        parity = measure_parity("int8", reference, _parity_side(ranker), inputs)
        check_golden_requests(ranker)
    except BundleError as error:
        return None, str(error)
    file_sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    size_budget = SIZE_BUDGET_BYTES * max(n_items, SIZE_BUDGET_ITEMS) // SIZE_BUDGET_ITEMS
    return EdgeBundle(ranker.bundle, parity, file_sizes, size_budget), ""


def _sealed_ranker(full_bundle: Bundle, folder: Path, golden_batch: ModelInput, reference: ParitySide) -> Ranker:
    """Seal the folder twice: a draft whose ranker computes the golden requests, then the bundle with them."""
    save_golden_requests(golden_batch, reference.encode(golden_batch), folder / GOLDEN_FILE)
    draft_ranker = open_ranker(_seal_edge_bundle(full_bundle, folder))
    outputs = golden_ranker_outputs(draft_ranker, golden_batch)
    save_golden_requests(golden_batch, draft_ranker.encode(golden_batch), folder / GOLDEN_FILE, outputs)
    return open_ranker(_seal_edge_bundle(full_bundle, folder))


def edge_profile(edge: EdgeBundle | None, failure: str) -> Mapping[str, object]:
    """Return the row that the gate checks; failure: why there is no edge bundle."""
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


def _parity_side(ranker: Ranker) -> ParitySide:
    bundle = ranker.bundle
    return ParitySide(ranker.encode, bundle.item_embeddings, (bundle.baselines.blend_tables, bundle.manifest.blend))


def _seal_edge_bundle(full_bundle: Bundle, folder: Path) -> Bundle:
    lineage = {**full_bundle.manifest.lineage, "edge_of": full_bundle.id}
    info = full_bundle.manifest.info.model_copy(
        update={"created_by": code_version(), "precision": "int8", "lineage": lineage}
    )
    return open_bundle(folder, write_manifest(folder, info))
