"""The parity ladder: every rung must answer like the one before it, or the bundle does not ship.

Rung 1 compares the fp32 file with the model as it was trained, rung 2 the smaller file (int8, on a GPU fp16) with the
same. What is compared is what a shopper would see (the top 20) and what it is worth (NDCG on real cases), beside the
plain difference of vectors.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, computed_field

from freshet.data.eval_cases import EvalCases
from freshet.data.history import Ints, ModelInput
from freshet.data.knn_blend import BlendTables, KnnBlend, add_blend
from freshet.evaluation.evaluate import target_hits
from freshet.evaluation.metrics import ndcg
from freshet.inference.manifest import Precision
from freshet.inference.scoring import EXCLUDED_SCORE, EncodedHistories, Mask, Scores, chunk_ranges, slice_batch, top_k

OVERLAP_K: Final = 20
NDCG_K: Final = 10
MIN_OVERLAP: Final[dict[Precision, float]] = {"fp32": 0.99, "fp16": 0.95, "int8": 0.95}
MIN_PROBE_OVERLAP: Final = 0.5  # a probe below this got another answer, not a rounded one
MAX_NDCG_LOSS: Final = 0.005  # share of the reference's NDCG
PROBE_BATCH_SIZES: Final = (1, 2, 7, 64)
N_EVENT_TYPES: Final = 4

EncodeFunction = Callable[[ModelInput], EncodedHistories]  # however it is computed
BlendInputs = tuple[BlendTables, KnnBlend]  # what the ranker mixes in, and how


@dataclass(frozen=True)
class ParityProbe:
    """Histories to compare on, and what they are called in a report."""

    name: str
    batch: ModelInput


class ParityResult(BaseModel):
    """One encoder against the reference."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    precision: Precision
    overlap: float  # share of the reference's top 20: the lower of real histories and the mean of the made-up
    min_overlap: float
    ndcg: float  # on the real cases
    reference_ndcg: float
    ndcg_loss: float  # share lost; negative = gained
    max_difference: float  # of any number of any answer
    worst_probe: str  # the probe with the least overlap
    worst_overlap: float
    passed: bool

    @computed_field  # type: ignore[prop-decorator]
    @property
    def sentence(self) -> str:
        """All of it, for people."""
        return (
            f"{self.precision} {'passes' if self.passed else 'fails'}: "
            f"top {OVERLAP_K} overlap {self.overlap:.4f} (needed {self.min_overlap}), "
            f"worst on {self.worst_probe} ({self.worst_overlap:.4f}, needed {MIN_PROBE_OVERLAP}), "
            f"NDCG@{NDCG_K} {self.ndcg:.4f} against {self.reference_ndcg:.4f}, {self.ndcg_loss:+.2%} lost "
            f"(allowed {MAX_NDCG_LOSS:.1%}), largest difference {self.max_difference:.2g}"
        )


def parity_probes(max_history: int, n_items: int, seed: int) -> list[ParityProbe]:
    """Made-up histories over batch × length × padding: empty, one event, half, full, and all of them mixed in a batch.

    items: V, at least 1.
    """
    rng = np.random.default_rng(seed)
    shapes = {
        "empty": (0, 0),
        "one event": (1, 1),
        "half full": (max_history // 2, max_history // 2),
        "full": (max_history, max_history),
    }
    shapes["mixed padding"] = (0, max_history)
    return [
        ParityProbe(f"{name}, batch of {size}", _synthetic_histories(rng.integers(low, high + 1, size), n_items, rng))
        for name, (low, high) in shapes.items()
        for size in PROBE_BATCH_SIZES
    ]


def measure_parity(
    precision: Precision,
    reference: EncodeFunction,
    candidate: EncodeFunction,
    item_embeddings: Scores,
    excluded_items: Mask,
    synthetic: list[ParityProbe],
    cases: EvalCases,
    max_history: int,
    candidate_embeddings: Scores | None = None,
    blend: BlendInputs | None = None,
    candidate_blend: BlendInputs | None = None,
) -> ParityResult:
    """Compare an encoder with the reference on made-up probes and on real cases.

    never: (V + 1,) PAD and tombstones. mixed: the tables that are mixed in and how, as the ranker does; of the rung
    where they are not the reference's: rung_mixed. rung_vectors: the rung's own item vectors, where it has its own.
    A rung passes when the overlap is high enough on the real histories and on the mean of the made-up probes, no probe
    is answered altogether differently, and what the answers are worth stays.
    """
    real_probe = ParityProbe("real histories", cases.model_inputs(max_history))
    overlaps, difference, ndcgs = {}, 0.0, (0.0, 0.0)
    for probe in [*synthetic, real_probe]:
        expected, actual = reference(probe.batch), candidate(probe.batch)
        difference = max(difference, _max_difference(expected, actual))
        embeddings = item_embeddings if candidate_embeddings is None else candidate_embeddings
        encoded_pairs = ((expected, item_embeddings, blend), (actual, embeddings, candidate_blend or blend))
        lists = [
            _top_lists(encoded, probe.batch, candidate_vectors, excluded_items, blend_inputs)
            for encoded, candidate_vectors, blend_inputs in encoded_pairs
        ]
        overlaps[probe.name] = _overlap(*lists)
        if probe is real_probe:
            ndcgs = (_mean_ndcg(lists[0], cases), _mean_ndcg(lists[1], cases))
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
    """The largest of any number; infinite where an answer is not a number."""
    difference = float(np.abs(expected.flatten() - actual.flatten()).max(initial=0.0))
    return difference if np.isfinite(difference) else float("inf")


def _top_lists(
    encoded: EncodedHistories,
    batch: ModelInput,
    item_embeddings: Scores,
    excluded_items: Mask,
    blend: BlendInputs | None,
) -> Ints:
    """(B, TOP), a few hundred rows at a time: (B, V + 1) scores of all cases would not fit."""
    lists = []
    for start, stop in chunk_ranges(len(encoded.embeddings), len(item_embeddings)):
        encoded_chunk = encoded.take(batch, start, stop)
        batch_chunk = slice_batch(batch, start, stop)
        scores = np.nan_to_num(encoded_chunk.item_scores(batch_chunk, item_embeddings))
        if blend is not None:
            add_blend(scores, batch_chunk, *blend)
        scores[:, excluded_items] = EXCLUDED_SCORE
        lists.append(top_k(scores, OVERLAP_K)[0])
    return np.concatenate(lists) if lists else np.zeros((0, OVERLAP_K), dtype=np.int64)


def _overlap(expected: Ints, actual: Ints) -> float:
    """Mean share of the wanted items that were given, in any order; empty places do not count."""
    width = 1 + max(int(expected.max(initial=0)), int(actual.max(initial=0)))
    row = np.arange(len(expected))[:, None] * width
    expected_cells, actual_cells = (row + expected)[expected > 0], (row + actual)[actual > 0]
    return float(np.isin(expected_cells, actual_cells).mean()) if len(expected_cells) else 1.0


def _mean_ndcg(lists: Ints, cases: EvalCases) -> float:
    n_targets: NDArray[np.int64] = np.diff(cases.target_offsets)
    return float(ndcg(target_hits(lists, cases), n_targets, NDCG_K).mean()) if len(cases) else 0.0
