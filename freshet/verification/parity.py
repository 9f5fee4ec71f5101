"""Parity: does an exported encoder give the same recommendations as the trained model? If not, it is not released.

The bundle step compares the fp32 file and the smaller one (int8, on a GPU fp16) with the PyTorch model: the overlap of
the top 20, the NDCG on held-out cases, and the largest difference of any output.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, computed_field

from freshet.artifacts import StoredModel
from freshet.data.eval_cases import EvalCases, next_basket_cases
from freshet.data.history import Ints, ModelInput
from freshet.data.knn_blend import BlendTables, KnnBlend, add_blend
from freshet.data.training_set import TrainingSet
from freshet.data.vocabulary import Vocabulary
from freshet.evaluation.evaluate import target_hits
from freshet.evaluation.metrics import ndcg
from freshet.inference.manifest import Precision
from freshet.inference.scoring import EXCLUDED_SCORE, EncodedHistories, Mask, Scores, chunk_ranges, slice_batch, top_k

OVERLAP_K: Final = 20
NDCG_K: Final = 10
MIN_OVERLAP: Final[dict[Precision, float]] = {"fp32": 0.99, "fp16": 0.95, "int8": 0.95}
MIN_PROBE_OVERLAP: Final = 0.5  # below this a probe got other recommendations, not rounded ones
MAX_NDCG_LOSS: Final = 0.005  # share of the reference's NDCG
MAX_PARITY_CASES: Final = 1000  # held-out cases: enough to see a quarter of a percent of NDCG
PARITY_SEED: Final = 7  # of the synthetic probes and of the sample of cases
PROBE_BATCH_SIZES: Final = (1, 2, 7, 64)
GOLDEN_PROBE: Final = "mixed padding, batch of 64"
N_EVENT_TYPES: Final = 4

EncodeFunction = Callable[[ModelInput], EncodedHistories]
BlendInputs = tuple[BlendTables, KnnBlend]  # the tables that a ranker adds to its scores, and their weights


@dataclass(frozen=True)
class ParityProbe:
    """Histories to compare on, and their name in the report."""

    name: str
    batch: ModelInput


@dataclass(frozen=True)
class ParitySide:
    """One of the two rankers in a comparison."""

    encode: EncodeFunction
    item_embeddings: Scores  # (V + 1, D)
    blend: BlendInputs | None = None


@dataclass(frozen=True)
class ParityInputs:
    """The histories that both rankers are compared on."""

    probes: tuple[ParityProbe, ...]  # synthetic histories
    cases: EvalCases  # held-out baskets of real shoppers
    max_history: int  # events of a history that the encoder reads
    excluded_items: Mask  # (V + 1,) padding and delisted items

    @property
    def golden_batch(self) -> ModelInput:
        """The probe that a bundle's golden requests are taken from: 64 histories of mixed lengths."""
        return next(probe.batch for probe in self.probes if probe.name == GOLDEN_PROBE)


class ParityResult(StoredModel):
    """The comparison of one encoder with the reference."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")
    former_names: ClassVar[Mapping[str, str]] = {"min_overlap": "overlap_needed", "worst_probe": "worst"}

    precision: Precision
    overlap: float  # share of the reference's top 20: the lower of real histories and the mean of the synthetic ones
    min_overlap: float
    ndcg: float  # on the held-out cases
    reference_ndcg: float
    ndcg_loss: float  # share lost; negative = gained
    max_difference: float  # of any encoder output
    worst_probe: str  # the probe with the least overlap
    worst_overlap: float
    passed: bool

    @computed_field  # type: ignore[prop-decorator]
    @property
    def sentence(self) -> str:
        """The result in one sentence."""
        return (
            f"{self.precision} {'passes' if self.passed else 'fails'}: "
            f"top {OVERLAP_K} overlap {self.overlap:.4f} (needed {self.min_overlap}), "
            f"worst on {self.worst_probe} ({self.worst_overlap:.4f}, needed {MIN_PROBE_OVERLAP}), "
            f"NDCG@{NDCG_K} {self.ndcg:.4f} against {self.reference_ndcg:.4f}, {self.ndcg_loss:+.2%} lost "
            f"(allowed {MAX_NDCG_LOSS:.1%}), largest difference {self.max_difference:.2g}"
        )


def parity_inputs(training_set: TrainingSet, vocabulary: Vocabulary, max_history: int) -> ParityInputs:
    """Return synthetic probes and a sample of the training set's held-out cases, the same ones on every call."""
    cases = next_basket_cases(training_set.histories, training_set.train_until, training_set.as_of)
    sample = np.random.default_rng(PARITY_SEED).permutation(len(cases))[:MAX_PARITY_CASES]
    return ParityInputs(
        probes=parity_probes(max_history, len(vocabulary), PARITY_SEED),
        cases=cases.take(np.sort(sample)),
        max_history=max_history,
        excluded_items=vocabulary.excluded_items,
    )


def parity_probes(max_history: int, n_items: int, seed: int) -> tuple[ParityProbe, ...]:
    """Return synthetic histories for every batch size and length: empty, one event, half full, full, and mixed.

    n_items: V, at least 1.
    """
    rng = np.random.default_rng(seed)
    shapes = {
        "empty": (0, 0),
        "one event": (1, 1),
        "half full": (max_history // 2, max_history // 2),
        "full": (max_history, max_history),
    }
    shapes["mixed padding"] = (0, max_history)
    return tuple(
        ParityProbe(f"{name}, batch of {size}", _synthetic_histories(rng.integers(low, high + 1, size), n_items, rng))
        for name, (low, high) in shapes.items()
        for size in PROBE_BATCH_SIZES
    )


def measure_parity(
    precision: Precision, reference: ParitySide, candidate: ParitySide, inputs: ParityInputs
) -> ParityResult:
    """Compare a candidate with the reference on synthetic probes and on held-out cases.

    The candidate passes if its top 20 overlap enough on the real histories and on the mean of the probes, no single
    probe gets other recommendations altogether, and the NDCG does not fall.
    """
    real_probe = ParityProbe("real histories", inputs.cases.model_inputs(inputs.max_history))
    overlaps, difference, ndcgs = {}, 0.0, (0.0, 0.0)
    for probe in [*inputs.probes, real_probe]:
        expected, actual = reference.encode(probe.batch), candidate.encode(probe.batch)
        difference = max(difference, _max_difference(expected, actual))
        lists = [
            _top_lists(encoded, probe.batch, side, inputs.excluded_items)
            for encoded, side in ((expected, reference), (actual, candidate))
        ]
        overlaps[probe.name] = _overlap(*lists)
        if probe is real_probe:
            ndcgs = (_mean_ndcg(lists[0], inputs.cases), _mean_ndcg(lists[1], inputs.cases))
    return _parity_result(precision, overlaps, difference, *ndcgs)


def _parity_result(
    precision: Precision, overlaps: dict[str, float], difference: float, reference_ndcg: float, candidate_ndcg: float
) -> ParityResult:
    worst_probe = min(overlaps, key=lambda name: overlaps[name])
    *synthetic, real = overlaps.values()
    overlap = min(real, float(np.mean(synthetic)))
    ndcg_loss = 0.0 if reference_ndcg == 0 else 1 - candidate_ndcg / reference_ndcg
    is_similar = (
        overlap >= MIN_OVERLAP[precision] and overlaps[worst_probe] >= MIN_PROBE_OVERLAP and np.isfinite(difference)
    )
    passed = bool(is_similar and ndcg_loss <= MAX_NDCG_LOSS)
    return ParityResult(
        precision=precision,
        overlap=overlap,
        min_overlap=MIN_OVERLAP[precision],
        ndcg=candidate_ndcg,
        reference_ndcg=reference_ndcg,
        ndcg_loss=ndcg_loss,
        max_difference=difference,
        worst_probe=worst_probe,
        worst_overlap=overlaps[worst_probe],
        passed=passed,
    )


def _synthetic_histories(lengths: Ints, n_items: int, rng: np.random.Generator) -> ModelInput:
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    total = int(offsets[-1])
    gaps = rng.integers(1, 24, total)
    starts = offsets[:-1][lengths > 0]
    gaps[starts] = 0
    return ModelInput(
        offsets,
        rng.integers(1, n_items + 1, total),
        rng.integers(1, N_EVENT_TYPES + 1, total),
        gaps,
        np.arange(total),
    )


def _max_difference(expected: EncodedHistories, actual: EncodedHistories) -> float:
    """Return the largest absolute difference; infinity if an output is not a number."""
    difference = float(np.abs(expected.flatten() - actual.flatten()).max(initial=0.0))
    return difference if np.isfinite(difference) else float("inf")


def _top_lists(encoded: EncodedHistories, batch: ModelInput, side: ParitySide, excluded_items: Mask) -> Ints:
    """(B, OVERLAP_K) items, computed in chunks: the scores (B, V + 1) of all cases would not fit into memory."""
    lists = []
    for start, stop in chunk_ranges(len(encoded.embeddings), len(side.item_embeddings)):
        batch_chunk = slice_batch(batch, start, stop)
        scores = np.nan_to_num(encoded.take(batch, start, stop).item_scores(batch_chunk, side.item_embeddings))
        if side.blend is not None:
            add_blend(scores, batch_chunk, *side.blend)
        scores[:, excluded_items] = EXCLUDED_SCORE
        lists.append(top_k(scores, OVERLAP_K)[0])
    return np.concatenate(lists) if lists else np.zeros((0, OVERLAP_K), dtype=np.int64)


def _overlap(expected: Ints, actual: Ints) -> float:
    """Return the share of the expected items that are in the actual lists, in any order, empty places left out."""
    width = 1 + max(int(expected.max(initial=0)), int(actual.max(initial=0)))
    row = np.arange(len(expected))[:, None] * width
    expected_cells, actual_cells = (row + expected)[expected > 0], (row + actual)[actual > 0]
    return float(np.isin(expected_cells, actual_cells).mean()) if len(expected_cells) else 1.0


def _mean_ndcg(lists: Ints, cases: EvalCases) -> float:
    n_targets: NDArray[np.int64] = np.diff(cases.target_offsets)
    return float(ndcg(target_hits(lists, cases), n_targets, NDCG_K).mean()) if len(cases) else 0.0
