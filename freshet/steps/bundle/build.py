"""The asset `bundle`, without Dagster: export, climb the parity ladder, seal, prove, keep."""

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import numpy as np
from pydantic import JsonValue

from freshet.artifacts import BundleRef, ModelRef
from freshet.data.columns import EVENT_TYPES, EventType
from freshet.data.eval_cases import EvalCases, next_basket_cases
from freshet.data.history import ModelInput
from freshet.data.knn_blend import KnnBlend
from freshet.data.training_set import TrainingSet
from freshet.errors import BundleError, FreshetError
from freshet.inference.baselines import build_baselines, save_baselines
from freshet.inference.bundle import BASELINES, GOLDEN, MODEL_CARD, VOCABULARY, Bundle, open_bundle, save_vocabulary
from freshet.inference.golden_requests import check_golden_requests, golden_ranker_outputs, save_golden_requests
from freshet.inference.manifest import MANIFEST, Precision, write_manifest
from freshet.inference.ranker import Device, Ranker, open_ranker
from freshet.inference.scoring import EncodedHistories
from freshet.item_schema import ItemSchema, format_schema
from freshet.releases.current import current_release
from freshet.releases.journal import bundle_path
from freshet.runtime import code_version
from freshet.settings import Settings
from freshet.steps.bundle.item_encoder_parity import item_encoder_error
from freshet.steps.model_card import ModelCardInputs, render_bundle_card
from freshet.steps.step_result import StepResult, run_gate
from freshet.steps.training.train import model_path
from freshet.store import Store
from freshet.tables.reader import load_training_set, tag_snapshot
from freshet.verification.batch_invariance import NEAR_TIE_TOLERANCE, batch_invariance
from freshet.verification.latency import LatencyReport, measure_latency
from freshet.verification.parity import ParityResult, measure_parity, parity_probes

if TYPE_CHECKING:
    from freshet.model.custom import Model

MAX_PARITY_CASES = 1000  # real histories on the ladder: enough for a quarter of a percent of NDCG
PARITY_SEED = 7
RANKER_THREADS = 1  # of the ranker that is timed: as many as a gateway gives it
# What climbs the ladder: the smaller one serves where it passes. A GPU has no use for int8, nor most CPUs for fp16.
PRECISIONS: Final[Mapping[Device, tuple[Precision, Precision]]] = {"cpu": ("fp32", "int8"), "cuda": ("fp32", "fp16")}


@dataclass(frozen=True)
class VerifiedBundle:
    """A sealed bundle with what its gate saw."""

    bundle: Bundle
    fp32: ParityResult
    low_precision: ParityResult  # int8; fp16 where a GPU serves
    latency: LatencyReport
    batch_consistency: float  # share of histories with the same list alone and in a group
    item_encoder_error: float  # of the item encoder from torch, in units of the largest number
    card: str = ""  # the model card, as it stands in the bundle


def make_bundle(
    settings: Settings, store: Store, ref: ModelRef, progress: Callable[[str], None] = lambda _: None
) -> StepResult[VerifiedBundle | None, BundleRef]:
    """Turn the model that `ref` names into an immutable bundle. It is stored only if the gate passes.

    Raises BundleError where the weights in the lake are damaged or do not fit the vocabulary, SettingsError where it is
    to serve on CUDA and there is none.
    """
    from freshet.model import checkpoint

    model = checkpoint.load(store.fetch_folder(model_path(ref.id), settings.cache_dir), ref.id)
    # What the model reads of an item was set when it was trained; the setting may be another by now.
    trained_settings = settings.model_copy(update={"item_inputs": format_schema(model.config.item_schema)})
    data = load_training_set(trained_settings, ref.training_set)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _write_artifacts(folder, model, data, progress, settings.cache_dir / "graphs", settings.serving_device)
        progress("parity ladder")
        verified, failure = _build_verified_bundle(
            folder, model, data, ref, settings.serving_device, _open_champion(settings, store)
        )
        gate = run_gate("bundle", _profile(verified, failure), settings)
        if verified is None or gate.refusal_reasons():
            return StepResult(gate, verified, None)
        store.put_folder(folder, bundle_path(verified.bundle.id), MANIFEST)
    for table, snapshot in ref.training_set.snapshots.items():
        tag_snapshot(settings, table, snapshot, f"bundle_{verified.bundle.id[:12]}")
    return StepResult(gate, verified, BundleRef(id=verified.bundle.id, model=ref))


def _write_artifacts(
    folder: Path,
    model: "Model",
    data: TrainingSet,
    progress: Callable[[str], None],
    graph_cache: Path | None = None,
    device: Device = "cpu",
) -> None:
    """Everything but the manifest and the golden requests."""
    from freshet.model.onnx_export import export

    export(model, data.vocabulary, folder, progress, graph_cache, fp16="fp16" in PRECISIONS[device])
    save_vocabulary(data.vocabulary, folder / VOCABULARY)
    save_baselines(build_baselines(data), folder / BASELINES)


@dataclass(frozen=True)
class _BundleBuilder:
    """A folder that becomes a bundle: sealed once to climb the ladder, and once more in the precision that serves."""

    folder: Path
    max_history: int
    event_type: EventType  # the most frequent one: what items named without a type mean
    golden_inputs: ModelInput
    item_schema: ItemSchema
    blend: KnnBlend
    model_ref: ModelRef

    def build(
        self,
        precision: Precision,
        encodings: EncodedHistories,
        parity_metrics: Mapping[str, JsonValue],
        ranker: Ranker | None = None,
    ) -> Bundle:
        """whole: the ranker that answers as the bundle shall; golden requests ask all of it from then on."""
        ranker_outputs = None if ranker is None else golden_ranker_outputs(ranker, self.golden_inputs)
        save_golden_requests(self.golden_inputs, encodings, self.folder / GOLDEN, ranker_outputs)
        bundle_id = write_manifest(
            self.folder,
            created_by=code_version(),
            precision=precision,
            max_history=self.max_history,
            event_type=self.event_type,
            item_schema=self.item_schema,
            blend=self.blend,
            lineage={"model": self.model_ref.id, **self.model_ref.training_set.model_dump(mode="json")},
            parameters=dict(self.model_ref.parameters),
            metrics={**self.model_ref.metrics, "parity": dict(parity_metrics)},
        )
        return open_bundle(self.folder, bundle_id)


def _build_verified_bundle(
    folder: Path,
    model: "Model",
    data: TrainingSet,
    ref: ModelRef,
    device: Device = "cpu",
    champion: Ranker | None = None,
) -> tuple[VerifiedBundle | None, str]:
    """The bundle as it will serve, after the ladder; or None and why it does not prove itself."""
    max_history, cases = model.config.max_history, _parity_cases(data)
    synthetic_probes = parity_probes(max_history, len(data.vocabulary), PARITY_SEED)
    golden_inputs = next(
        probe.batch for probe in synthetic_probes if probe.name.startswith("mixed padding, batch of 64")
    )
    builder = _BundleBuilder(
        folder, max_history, _most_common_type(data), golden_inputs, model.config.item_schema, model.config.blend, ref
    )
    reference_encoder = _reference_encoder(model)
    excluded_items = data.vocabulary.delisted | (np.arange(len(data.vocabulary) + 1) == 0)
    try:
        draft_bundle = builder.build("fp32", reference_encoder(golden_inputs), {})
        blend_inputs = draft_bundle.baselines.blend_tables, draft_bundle.manifest.blend
        fp32, low_precision = (
            measure_parity(
                precision,
                reference_encoder,
                open_ranker(draft_bundle, precision, device).encode,
                draft_bundle.item_embeddings,
                excluded_items,
                synthetic_probes,
                cases,
                max_history,
                None,
                blend_inputs,
            )
            for precision in PRECISIONS[device]
        )
        serving_precision = low_precision.precision if low_precision.passed else fp32.precision
        parity_metrics: dict[str, JsonValue] = {
            result.precision: result.model_dump(mode="json") for result in (fp32, low_precision)
        }
        card = _write_model_card(folder, data, ref, (fp32, low_precision), serving_precision)
        golden_ranker = open_ranker(draft_bundle, serving_precision, device)
        serving_ranker = open_ranker(
            builder.build(serving_precision, golden_ranker.encode(golden_inputs), parity_metrics, golden_ranker),
            device=device,
            threads=RANKER_THREADS,
        )
        check_golden_requests(serving_ranker)
        encoder_error = item_encoder_error(serving_ranker.bundle, model, data.vocabulary)
    except BundleError as error:
        return None, str(error)
    real_inputs = cases.take(slice(0, 200)).model_inputs(max_history) if len(cases) else golden_inputs
    batch_consistency = batch_invariance(serving_ranker, real_inputs, NEAR_TIE_TOLERANCE[device])
    return VerifiedBundle(
        serving_ranker.bundle,
        fp32,
        low_precision,
        measure_latency(serving_ranker, real_inputs, champion, device),
        batch_consistency,
        encoder_error,
        card,
    ), ""


def _open_champion(settings: Settings, store: Store) -> Ranker | None:
    """What serves, to be timed beside the new one; None where nothing does, or it cannot be opened."""
    try:
        release = current_release(store, settings.cache_dir)
        if release is None:
            return None
        return open_ranker(release.bundle, device=settings.serving_device, threads=RANKER_THREADS)
    except FreshetError:
        return None  # the evaluation says so; here it is a yardstick only


def _write_model_card(
    folder: Path, data: TrainingSet, ref: ModelRef, parity_results: Sequence[ParityResult], precision: Precision
) -> str:
    """Write the model card into the folder. Nothing that was timed: made again, the bundle must be the same."""
    file_sizes = {path.name: path.stat().st_size for path in folder.iterdir() if path.name not in (MANIFEST, GOLDEN)}
    card = render_bundle_card(ModelCardInputs(data, ref, parity_results, precision, file_sizes, code_version()))
    (folder / MODEL_CARD).write_text(card, "utf-8")
    return card


def _most_common_type(data: TrainingSet) -> EventType:
    return cast(EventType, EVENT_TYPES[int(np.bincount(data.histories.types).argmax()) - 1])


def _reference_encoder(model: "Model") -> Callable[[ModelInput], EncodedHistories]:
    from freshet.model.onnx_export import reference_outputs

    # Every rung of the ladder is compared with the same answers: asked once, they are most of the climb.
    cache: dict[tuple[tuple[int, ...], bytes], EncodedHistories] = {}

    def encode(batch: ModelInput) -> EncodedHistories:
        items, types, gaps = batch.pad()
        key = items.shape, b"".join(array.tobytes() for array in (items, types, gaps))
        if key not in cache:
            vectors, repeats = reference_outputs(model, items, types, gaps)
            cache[key] = EncodedHistories(vectors, repeats[items > 0])
        return cache[key]

    return encode


def _parity_cases(data: TrainingSet) -> EvalCases:
    cases = next_basket_cases(data.histories, data.train_until, data.as_of)
    sample = np.random.default_rng(PARITY_SEED).permutation(len(cases))[:MAX_PARITY_CASES]
    return cases.take(np.sort(sample))


def _profile(verified: VerifiedBundle | None, failure: str) -> Mapping[str, object]:
    if verified is None:
        missing = dict.fromkeys(
            ("fp32_overlap", "low_precision_overlap", "ndcg_loss", "p99_ms", "batch_agreement", "item_encoder_error")
        )
        return {**missing, "corrupt": 1, "corrupt_reason": failure}
    low_precision = verified.low_precision
    serving_parity = verified.fp32 if verified.bundle.manifest.precision == "fp32" else low_precision
    # Answers that are no numbers can hide in a few histories, where neither overlap nor NDCG shows them.
    not_finite = not math.isfinite(serving_parity.max_difference)
    return {
        "fp32_overlap": verified.fp32.overlap,
        "fp32_details": verified.fp32.sentence,
        "low_precision": low_precision.precision,
        "low_precision_overlap": low_precision.overlap,
        "low_precision_details": low_precision.sentence,
        "precision": verified.bundle.manifest.precision,
        "ndcg_loss": serving_parity.ndcg_loss,
        "p99_ms": verified.latency.gated_p99_ms,
        "latency": verified.latency.sentence,
        "batch_agreement": verified.batch_consistency,
        "item_encoder_error": verified.item_encoder_error,
        "corrupt": int(not_finite),
        "corrupt_reason": serving_parity.sentence if not_finite else "",
    }
