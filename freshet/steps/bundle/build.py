"""The asset `bundle`: export a model, measure its parity, seal the bundle, verify it, and store it."""

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from freshet.artifacts import BundleRef, ModelRef, model_path
from freshet.data.columns import EVENT_TYPES, EventType
from freshet.data.history import ModelInput
from freshet.data.training_set import TrainingSet
from freshet.errors import BundleError, FreshetError
from freshet.inference.baselines import build_baselines, save_baselines
from freshet.inference.bundle import (
    BASELINES_FILE,
    GOLDEN_FILE,
    MODEL_CARD_FILE,
    VOCABULARY_FILE,
    Bundle,
    open_bundle,
    save_vocabulary,
)
from freshet.inference.golden_requests import check_golden_requests, golden_ranker_outputs, save_golden_requests
from freshet.inference.manifest import MANIFEST, BundleInfo, Precision, write_manifest
from freshet.inference.ranker import Device, Ranker, open_ranker
from freshet.inference.scoring import EncodedHistories
from freshet.item_schema import format_schema
from freshet.releases.current import current_release
from freshet.releases.journal import bundle_path
from freshet.runtime import code_version
from freshet.settings import Settings
from freshet.steps.bundle.item_encoder_parity import item_encoder_error
from freshet.steps.model_card import ModelCardInputs, render_bundle_card
from freshet.steps.step_result import StepResult, run_gate
from freshet.store import Store
from freshet.tables.reader import load_training_set, tag_snapshot
from freshet.verification.batch_invariance import NEAR_TIE_TOLERANCE, batch_invariance
from freshet.verification.latency import LatencyReport, measure_latency
from freshet.verification.parity import (
    EncodeFunction,
    ParityInputs,
    ParityResult,
    ParitySide,
    measure_parity,
    parity_inputs,
)

if TYPE_CHECKING:
    from freshet.model.custom import Model

MAX_REAL_HISTORIES: Final = 200  # real histories on which latency and batch invariance are measured
RANKER_THREADS: Final = 1  # of the ranker whose latency is measured: as many as in a gateway
# (fp32, smaller precision): the smaller one is served if its parity is good. A GPU has no use for int8, nor most CPUs
# for fp16.
PRECISIONS: Final[Mapping[Device, tuple[Precision, Precision]]] = {"cpu": ("fp32", "int8"), "cuda": ("fp32", "fp16")}


@dataclass(frozen=True)
class VerifiedBundle:
    """A sealed bundle with the measurements for its gate."""

    bundle: Bundle
    fp32: ParityResult
    low_precision: ParityResult  # int8, or fp16 for a GPU
    latency: LatencyReport
    batch_consistency: float  # share of histories with the same list alone and in a batch
    item_encoder_error: float  # difference between the ONNX item encoder and PyTorch, relative to the largest number
    card: str = ""  # the model card in the bundle


def make_bundle(
    settings: Settings, store: Store, ref: ModelRef, progress: Callable[[str], None] = lambda _: None
) -> StepResult[VerifiedBundle | None, BundleRef]:
    """Export the model that `ref` names as an immutable bundle, and store it if the gate passes.

    Raises BundleError if the weights in the lake are damaged or do not fit the vocabulary, SettingsError if the serving
    device is CUDA and there is none.
    """
    from freshet.model import checkpoint

    model = checkpoint.load(store.fetch_folder(model_path(ref.id), settings.cache_dir), ref.id)
    # The model was trained with this item schema; the setting may have changed since.
    trained_settings = settings.model_copy(update={"item_schema": format_schema(model.config.item_schema)})
    data = load_training_set(trained_settings, ref.training_set)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_artifacts(folder, model, data, progress, settings.cache_dir / "graphs", settings.serving_device)
        progress("parity")
        verified, failure = build_verified_bundle(
            folder, model, data, ref, settings.serving_device, _open_champion(settings, store)
        )
        gate = run_gate("bundle", bundle_profile(verified, failure), settings)
        if verified is None or gate.refusal_reasons():
            return StepResult(gate, verified, None)
        store.put_folder(folder, bundle_path(verified.bundle.id), MANIFEST)
    for table, snapshot in ref.training_set.snapshots.items():
        tag_snapshot(settings, table, snapshot, f"bundle_{verified.bundle.id[:12]}")
    return StepResult(gate, verified, BundleRef(id=verified.bundle.id, model=ref))


def write_artifacts(
    folder: Path,
    model: "Model",
    data: TrainingSet,
    progress: Callable[[str], None],
    graph_cache: Path | None = None,
    device: Device = "cpu",
) -> None:
    """Write every file of the bundle but the manifest and the golden requests."""
    from freshet.model.onnx_export import export

    export(model, data.vocabulary, folder, progress, graph_cache, fp16="fp16" in PRECISIONS[device])
    save_vocabulary(data.vocabulary, folder / VOCABULARY_FILE)
    save_baselines(build_baselines(data), folder / BASELINES_FILE)


@dataclass(frozen=True)
class _BundleBuilder:
    """Seals a folder as a bundle: a draft to measure parity with, then the precision that is served."""

    folder: Path
    model: "Model"
    data: TrainingSet
    ref: ModelRef
    device: Device
    parity_inputs: ParityInputs

    def seal(
        self,
        precision: Precision,
        encodings: EncodedHistories,
        parity_results: Sequence[ParityResult] = (),
        ranker: Ranker | None = None,
    ) -> Bundle:
        """Write golden requests and manifest, and open the bundle.

        encodings: the encoder's outputs for the golden requests. ranker: computes the expected lists, baselines and
        item embeddings of the golden requests; without it they hold the encoder's outputs only.
        """
        golden_batch = self.parity_inputs.golden_batch
        ranker_outputs = None if ranker is None else golden_ranker_outputs(ranker, golden_batch)
        save_golden_requests(golden_batch, encodings, self.folder / GOLDEN_FILE, ranker_outputs)
        info = BundleInfo(
            created_by=code_version(),
            precision=precision,
            max_history=self.parity_inputs.max_history,
            event_type=_most_common_type(self.data),
            item_schema=self.model.config.item_schema,
            blend=self.model.config.blend,
            lineage={"model": self.ref.id, **self.ref.training_set.model_dump(mode="json")},
            parameters=dict(self.ref.parameters),
            metrics={
                **self.ref.metrics,
                "parity": {result.precision: result.model_dump(mode="json") for result in parity_results},
            },
        )
        return open_bundle(self.folder, write_manifest(self.folder, info))

    def measure_parity(self, draft: Bundle, encode_reference: EncodeFunction) -> tuple[ParityResult, ParityResult]:
        """Compare the draft's encoders with the trained model: fp32 and the smaller precision."""
        blend = draft.baselines.blend_tables, draft.manifest.blend
        reference = ParitySide(encode_reference, draft.item_embeddings, blend)
        fp32, low_precision = (
            measure_parity(
                precision,
                reference,
                replace(reference, encode=open_ranker(draft, precision, self.device).encode),
                self.parity_inputs,
            )
            for precision in PRECISIONS[self.device]
        )
        return fp32, low_precision

    def seal_serving(self, draft: Bundle, parity_results: Sequence[ParityResult], precision: Precision) -> Ranker:
        """Seal the bundle in the precision that is served, and check its golden requests."""
        draft_ranker = open_ranker(draft, precision, self.device)
        encodings = draft_ranker.encode(self.parity_inputs.golden_batch)
        bundle = self.seal(precision, encodings, parity_results, draft_ranker)
        ranker = open_ranker(bundle, device=self.device, threads=RANKER_THREADS)
        check_golden_requests(ranker)
        return ranker


def build_verified_bundle(
    folder: Path,
    model: "Model",
    data: TrainingSet,
    ref: ModelRef,
    device: Device = "cpu",
    champion: Ranker | None = None,
) -> tuple[VerifiedBundle | None, str]:
    """Seal the artifacts in `folder` as a bundle and measure it; return (None, reason) if it fails its own checks."""
    inputs = parity_inputs(data, data.vocabulary, model.config.max_history)
    builder = _BundleBuilder(folder, model, data, ref, device, inputs)
    encode_reference = _reference_encoder(model)
    try:
        draft = builder.seal("fp32", encode_reference(inputs.golden_batch))
        fp32, low_precision = builder.measure_parity(draft, encode_reference)
        precision = low_precision.precision if low_precision.passed else fp32.precision
        card = _write_model_card(folder, data, ref, (fp32, low_precision), precision)
        ranker = builder.seal_serving(draft, (fp32, low_precision), precision)
        encoder_error = item_encoder_error(ranker.bundle, model, data.vocabulary)
    except BundleError as error:
        return None, str(error)
    real_cases = inputs.cases.take(slice(0, MAX_REAL_HISTORIES))
    real_batch = real_cases.model_inputs(inputs.max_history) if len(real_cases) else inputs.golden_batch
    verified = VerifiedBundle(
        bundle=ranker.bundle,
        fp32=fp32,
        low_precision=low_precision,
        latency=measure_latency(ranker, real_batch, champion, device),
        batch_consistency=batch_invariance(ranker, real_batch, NEAR_TIE_TOLERANCE[device]),
        item_encoder_error=encoder_error,
        card=card,
    )
    return verified, ""


def _open_champion(settings: Settings, store: Store) -> Ranker | None:
    """Return the released ranker, to compare latencies with; None if there is none or it cannot be opened."""
    try:
        release = current_release(store, settings.cache_dir)
        if release is None:
            return None
        return open_ranker(release.bundle, device=settings.serving_device, threads=RANKER_THREADS)
    except FreshetError:
        return None  # the evaluation reports it


def _write_model_card(
    folder: Path, data: TrainingSet, ref: ModelRef, parity_results: Sequence[ParityResult], precision: Precision
) -> str:
    """Write the model card into the folder. It holds no timings: the same model must give the same bundle id."""
    file_sizes = {
        path.name: path.stat().st_size for path in folder.iterdir() if path.name not in (MANIFEST, GOLDEN_FILE)
    }
    card = render_bundle_card(ModelCardInputs(data, ref, parity_results, precision, file_sizes, code_version()))
    (folder / MODEL_CARD_FILE).write_text(card, "utf-8")
    return card


def _most_common_type(data: TrainingSet) -> EventType:
    return cast(EventType, EVENT_TYPES[int(np.bincount(data.histories.types).argmax()) - 1])


def _reference_encoder(model: "Model") -> Callable[[ModelInput], EncodedHistories]:
    from freshet.model.onnx_export import reference_outputs

    # Both precisions are compared with the same outputs, and computing them takes most of the time.
    cache: dict[tuple[tuple[int, ...], bytes], EncodedHistories] = {}

    def encode(batch: ModelInput) -> EncodedHistories:
        items, types, gaps = batch.pad()
        key = items.shape, b"".join(array.tobytes() for array in (items, types, gaps))
        if key not in cache:
            vectors, repeats = reference_outputs(model, items, types, gaps)
            cache[key] = EncodedHistories(vectors, repeats[items > 0])
        return cache[key]

    return encode


def bundle_profile(verified: VerifiedBundle | None, failure: str) -> Mapping[str, object]:
    """Return the row that the gate checks; failure: why there is no verified bundle."""
    if verified is None:
        missing = dict.fromkeys(
            ("fp32_overlap", "low_precision_overlap", "ndcg_loss", "p99_ms", "batch_agreement", "item_encoder_error")
        )
        return {**missing, "corrupt": 1, "corrupt_reason": failure}
    low_precision = verified.low_precision
    serving_parity = verified.fp32 if verified.bundle.manifest.precision == "fp32" else low_precision
    # Outputs that are not numbers may occur in a few histories only, where neither overlap nor NDCG shows them.
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
