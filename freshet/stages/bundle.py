"""The asset `bundle`, without Dagster: export, climb the parity ladder, seal, prove, keep."""

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import numpy as np
from pydantic import JsonValue

from freshet.cases import Cases, next_basket_cases
from freshet.columns import EVENT_TYPES, EventType
from freshet.errors import BundleError, FreshetError
from freshet.history import ModelInput
from freshet.item_inputs import Schema, told
from freshet.judge.card import Made, bundle_card
from freshet.judge.latency import Latency, latency
from freshet.judge.parity import Rung, climb, probes
from freshet.judge.together import NEAR_TIE, alike_together
from freshet.live.baselines import build_baselines, save_baselines
from freshet.live.bundle import BASELINES, GOLDEN, MODEL_CARD, VOCABULARY, Bundle, open_bundle, save_vocabulary
from freshet.live.golden import check_golden, make_golden, whole_golden
from freshet.live.journal import bundle_path
from freshet.live.manifest import MANIFEST, Precision, seal
from freshet.live.ranker import Device, Ranker, open_ranker
from freshet.live.released import current_release
from freshet.live.scorer import Encoded
from freshet.neighbourhood import Blend
from freshet.references import BundleRef, ModelRef
from freshet.settings import Settings
from freshet.stages.item_parity import item_difference
from freshet.stages.model import model_path
from freshet.stages.outcome import Outcome, judged
from freshet.store import Store
from freshet.tables.reading import load_training_set, tag
from freshet.training_set import TrainingSet
from freshet.version import code_version

if TYPE_CHECKING:
    from freshet.model.own import Model

PARITY_CASES = 1000  # real histories on the ladder: enough for a quarter of a percent of NDCG
SEED = 7
THREADS = 1  # of the ranker that is timed: as many as a gateway gives it
# What climbs the ladder: the smaller one serves where it passes. A GPU has no use for int8, nor most CPUs for fp16.
PRECISIONS: Final[Mapping[Device, tuple[Precision, Precision]]] = {"cpu": ("fp32", "int8"), "cuda": ("fp32", "fp16")}


@dataclass(frozen=True)
class Proven:
    """A sealed bundle with what its gate saw."""

    bundle: Bundle
    fp32: Rung
    smaller: Rung  # int8; fp16 where a GPU serves
    latency: Latency
    together: float  # share of histories with the same list alone and in a group
    item_difference: float  # of the item encoder from torch, in units of the largest number
    card: str = ""  # the model card, as it stands in the bundle


def make_bundle(
    settings: Settings, store: Store, ref: ModelRef, tell: Callable[[str], None] = lambda _: None
) -> Outcome[Proven | None, BundleRef]:
    """Turn the model that `ref` names into an immutable bundle. It is stored only if the gate passes.

    Raises BundleError where the weights in the lake are damaged or do not fit the vocabulary, SettingsError where it is
    to serve on CUDA and there is none.
    """
    from freshet.model import checkpoint

    model = checkpoint.load(store.fetch_folder(model_path(ref.id), settings.cache), ref.id)
    # What the model reads of an item was set when it was trained; the setting may be another by now.
    as_trained = settings.model_copy(update={"item_inputs": told(model.config.inputs)})
    data = load_training_set(as_trained, ref.training_set)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _fill(folder, model, data, tell, settings.cache / "graphs", settings.serving_device)
        tell("parity ladder")
        proven, why = _proven(folder, model, data, ref, settings.serving_device, _champion(settings, store))
        judgement = judged("bundle", _profile(proven, why), settings)
        if proven is None or judgement.bad():
            return Outcome(judgement, proven, None)
        store.put_folder(folder, bundle_path(proven.bundle.id), MANIFEST)
    for table, snapshot in ref.training_set.snapshots.items():
        tag(settings, table, snapshot, f"bundle_{proven.bundle.id[:12]}")
    return Outcome(judgement, proven, BundleRef(id=proven.bundle.id, model=ref))


def _fill(
    folder: Path,
    model: "Model",
    data: TrainingSet,
    tell: Callable[[str], None],
    graphs: Path | None = None,
    device: Device = "cpu",
) -> None:
    """Everything but the manifest and the golden requests."""
    from freshet.model.export import export

    export(model, data.vocabulary, folder, tell, graphs, half="fp16" in PRECISIONS[device])
    save_vocabulary(data.vocabulary, folder / VOCABULARY)
    save_baselines(build_baselines(data), folder / BASELINES)


@dataclass(frozen=True)
class _Draft:
    """A folder that becomes a bundle: sealed once to climb the ladder, and once more in the precision that serves."""

    folder: Path
    length: int
    event_type: EventType  # the most frequent one: what items named without a type mean
    golden: ModelInput
    item_inputs: Schema
    blend: Blend
    ref: ModelRef

    def sealed(
        self, precision: Precision, answers: Encoded, parity: Mapping[str, JsonValue], whole: Ranker | None = None
    ) -> Bundle:
        """whole: the ranker that answers as the bundle shall; golden requests ask all of it from then on."""
        more = None if whole is None else whole_golden(whole, self.golden)
        make_golden(self.golden, answers, self.folder / GOLDEN, more)
        name = seal(
            self.folder,
            created_by=code_version(),
            precision=precision,
            length=self.length,
            event_type=self.event_type,
            item_inputs=self.item_inputs,
            blend=self.blend,
            lineage={"model": self.ref.id, **self.ref.training_set.model_dump(mode="json")},
            parameters=dict(self.ref.parameters),
            metrics={**self.ref.metrics, "parity": dict(parity)},
        )
        return open_bundle(self.folder, name)


def _proven(
    folder: Path,
    model: "Model",
    data: TrainingSet,
    ref: ModelRef,
    device: Device = "cpu",
    champion: Ranker | None = None,
) -> tuple[Proven | None, str]:
    """The bundle as it will serve, after the ladder; or None and why it does not prove itself."""
    length, cases = model.config.length, _cases(data)
    made_up = probes(length, len(data.vocabulary), SEED)
    golden = next(probe.batch for probe in made_up if probe.name.startswith("mixed padding, batch of 64"))
    draft = _Draft(folder, length, _main_type(data), golden, model.config.inputs, model.config.blend, ref)
    reference = _torch(model)
    never = data.vocabulary.tombstones | (np.arange(len(data.vocabulary) + 1) == 0)
    try:
        first = draft.sealed("fp32", reference(golden), {})
        mixed = first.baselines.tables, first.manifest.blend
        fp32, smaller = (
            climb(
                p,
                reference,
                open_ranker(first, p, device).encode,
                first.item_vectors,
                never,
                made_up,
                cases,
                length,
                None,
                mixed,
            )
            for p in PRECISIONS[device]
        )
        best = smaller.precision if smaller.passed else fp32.precision
        figures: dict[str, JsonValue] = {rung.precision: rung.model_dump(mode="json") for rung in (fp32, smaller)}
        card = _card(folder, data, ref, (fp32, smaller), best)
        answers = open_ranker(first, best, device)
        serving = open_ranker(
            draft.sealed(best, answers.encode(golden), figures, answers), device=device, threads=THREADS
        )
        check_golden(serving)
        items = item_difference(serving.bundle, model, data.vocabulary)
    except BundleError as error:
        return None, str(error)
    real = cases.take(slice(0, 200)).inputs(length) if len(cases) else golden
    alike = alike_together(serving, real, NEAR_TIE[device])
    return Proven(serving.bundle, fp32, smaller, latency(serving, real, champion, device), alike, items, card), ""


def _champion(settings: Settings, store: Store) -> Ranker | None:
    """What serves, to be timed beside the new one; None where nothing does, or it cannot be opened."""
    try:
        release = current_release(store, settings.cache)
        if release is None:
            return None
        return open_ranker(release.bundle, device=settings.serving_device, threads=THREADS)
    except FreshetError:
        return None  # the evaluation says so; here it is a yardstick only


def _card(folder: Path, data: TrainingSet, ref: ModelRef, rungs: Sequence[Rung], serves: Precision) -> str:
    """Write the model card into the folder. Nothing that was timed: made again, the bundle must be the same."""
    files = {path.name: path.stat().st_size for path in folder.iterdir() if path.name not in (MANIFEST, GOLDEN)}
    card = bundle_card(Made(data, ref, rungs, serves, files, code_version()))
    (folder / MODEL_CARD).write_text(card, "utf-8")
    return card


def _main_type(data: TrainingSet) -> EventType:
    return cast(EventType, EVENT_TYPES[int(np.bincount(data.histories.types).argmax()) - 1])


def _torch(model: "Model") -> Callable[[ModelInput], Encoded]:
    from freshet.model.export import reference_answer

    # Every rung of the ladder is compared with the same answers: asked once, they are most of the climb.
    given: dict[tuple[tuple[int, ...], bytes], Encoded] = {}

    def encode(batch: ModelInput) -> Encoded:
        items, types, gaps = batch.padded()
        asked = items.shape, b"".join(part.tobytes() for part in (items, types, gaps))
        if asked not in given:
            vectors, repeats = reference_answer(model, items, types, gaps)
            given[asked] = Encoded(vectors, repeats[items > 0])
        return given[asked]

    return encode


def _cases(data: TrainingSet) -> Cases:
    cases = next_basket_cases(data.histories, data.cut, data.as_of)
    chosen = np.random.default_rng(SEED).permutation(len(cases))[:PARITY_CASES]
    return cases.take(np.sort(chosen))


def _profile(proven: Proven | None, why: str) -> Mapping[str, object]:
    if proven is None:
        nothing = dict.fromkeys(
            ("fp32_overlap", "smaller_overlap", "ndcg_loss", "p99_ms", "together", "item_difference")
        )
        return {**nothing, "corrupt": 1, "corrupt_why": why}
    smaller = proven.smaller
    serves = proven.fp32 if proven.bundle.manifest.precision == "fp32" else smaller
    # Answers that are no numbers can hide in a few histories, where neither overlap nor NDCG shows them.
    broken = not math.isfinite(serves.max_difference)
    return {
        "fp32_overlap": proven.fp32.overlap,
        "fp32_worst": proven.fp32.sentence,
        "smaller": smaller.precision,
        "smaller_overlap": smaller.overlap,
        "smaller_worst": smaller.sentence,
        "precision": proven.bundle.manifest.precision,
        "ndcg_loss": serves.ndcg_loss,
        "p99_ms": proven.latency.judged,
        "latency": proven.latency.sentence,
        "together": proven.together,
        "item_difference": proven.item_difference,
        "corrupt": int(broken),
        "corrupt_why": serves.sentence if broken else "",
    }
