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

from freshet.cases import Cases
from freshet.history import Ints, ModelInput
from freshet.judge.evaluation import hits
from freshet.judge.metrics import ndcg
from freshet.live.manifest import Precision
from freshet.live.scorer import NEVER, Encoded, Mask, Scores, chunks, rows, top_k
from freshet.neighbourhood import Blend, Tables, add_tables

TOP: Final = 20
K: Final = 10
OVERLAP: Final[dict[Precision, float]] = {"fp32": 0.99, "fp16": 0.95, "int8": 0.95}
FLOOR: Final = 0.5  # a probe below this got another answer, not a rounded one
NDCG_LOSS: Final = 0.005  # share of the reference's NDCG
BATCHES: Final = (1, 2, 7, 64)
TYPES: Final = 4

Encode = Callable[[ModelInput], Encoded]  # however it is computed
Mixed = tuple[Tables, Blend]  # what the ranker mixes in, and how


@dataclass(frozen=True)
class Probe:
    """Histories to compare on, and what they are called in a report."""

    name: str
    batch: ModelInput


class Rung(BaseModel):
    """One encoder against the reference."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    precision: Precision
    overlap: float  # share of the reference's top 20: the lower of real histories and the mean of the made-up
    overlap_needed: float
    ndcg: float  # on the real cases
    reference_ndcg: float
    ndcg_loss: float  # share lost; negative = gained
    max_difference: float  # of any number of any answer
    worst: str  # the probe with the least overlap
    worst_overlap: float
    passed: bool

    @computed_field  # type: ignore[prop-decorator]
    @property
    def sentence(self) -> str:
        """All of it, for people."""
        return (
            f"{self.precision} {'passes' if self.passed else 'fails'}: "
            f"top {TOP} overlap {self.overlap:.4f} (needed {self.overlap_needed}), "
            f"worst on {self.worst} ({self.worst_overlap:.4f}, needed {FLOOR}), "
            f"NDCG@{K} {self.ndcg:.4f} against {self.reference_ndcg:.4f}, {self.ndcg_loss:+.2%} lost "
            f"(allowed {NDCG_LOSS:.1%}), largest difference {self.max_difference:.2g}"
        )


def probes(length: int, items: int, seed: int) -> list[Probe]:
    """Made-up histories over batch × length × padding: empty, one event, half, full, and all of them mixed in a batch.

    items: V, at least 1.
    """
    generator = np.random.default_rng(seed)
    shapes = {"empty": (0, 0), "one event": (1, 1), "half full": (length // 2, length // 2), "full": (length, length)}
    shapes["mixed padding"] = (0, length)
    return [
        Probe(f"{name}, batch of {size}", _made_up(generator.integers(low, high + 1, size), items, generator))
        for name, (low, high) in shapes.items()
        for size in BATCHES
    ]


def climb(
    precision: Precision,
    reference: Encode,
    rung: Encode,
    item_vectors: Scores,
    never: Mask,
    made_up: list[Probe],
    cases: Cases,
    length: int,
    rung_vectors: Scores | None = None,
    mixed: Mixed | None = None,
    rung_mixed: Mixed | None = None,
) -> Rung:
    """Compare an encoder with the reference on made-up probes and on real cases.

    never: (V + 1,) PAD and tombstones. mixed: the tables that are mixed in and how, as the ranker does; of the rung
    where they are not the reference's: rung_mixed. rung_vectors: the rung's own item vectors, where it has its own.
    A rung passes when the overlap is high enough on the real histories and on the mean of the made-up probes, no probe
    is answered altogether differently, and what the answers are worth stays.
    """
    real = Probe("real histories", cases.inputs(length))
    overlaps, difference, ndcgs = {}, 0.0, (0.0, 0.0)
    for probe in [*made_up, real]:
        want, got = reference(probe.batch), rung(probe.batch)
        difference = max(difference, _difference(want, got))
        own = item_vectors if rung_vectors is None else rung_vectors
        answers = ((want, item_vectors, mixed), (got, own, rung_mixed or mixed))
        lists = [_lists(encoded, probe.batch, vectors, never, near) for encoded, vectors, near in answers]
        overlaps[probe.name] = _overlap(*lists)
        if probe is real:
            ndcgs = (_ndcg(lists[0], cases), _ndcg(lists[1], cases))
    return _judged(precision, overlaps, difference, *ndcgs)


def _judged(
    precision: Precision, overlaps: dict[str, float], difference: float, reference_ndcg: float, rung_ndcg: float
) -> Rung:
    worst = min(overlaps, key=lambda name: overlaps[name])
    *made_up, real = overlaps.values()
    overlap = min(real, float(np.mean(made_up)))
    loss = 0.0 if reference_ndcg == 0 else 1 - rung_ndcg / reference_ndcg
    alike = overlap >= OVERLAP[precision] and overlaps[worst] >= FLOOR and np.isfinite(difference)
    passed = bool(alike and loss <= NDCG_LOSS)
    return Rung(
        precision=precision,
        overlap=overlap,
        overlap_needed=OVERLAP[precision],
        ndcg=rung_ndcg,
        reference_ndcg=reference_ndcg,
        ndcg_loss=loss,
        max_difference=difference,
        worst=worst,
        worst_overlap=overlaps[worst],
        passed=passed,
    )


def _made_up(lengths: Ints, items: int, generator: np.random.Generator) -> ModelInput:
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    total = int(offsets[-1])
    gaps = generator.integers(1, 24, total)
    starts = offsets[:-1][lengths > 0]
    gaps[starts] = 0
    return ModelInput(
        offsets,
        generator.integers(1, items + 1, total),
        generator.integers(1, TYPES + 1, total),
        gaps,
        np.arange(total),
    )


def _difference(want: Encoded, got: Encoded) -> float:
    """The largest of any number; infinite where an answer is not a number."""
    difference = float(np.abs(want.numbers() - got.numbers()).max(initial=0.0))
    return difference if np.isfinite(difference) else float("inf")


def _lists(encoded: Encoded, batch: ModelInput, item_vectors: Scores, never: Mask, mixed: Mixed | None) -> Ints:
    """(B, TOP), a few hundred rows at a time: (B, V + 1) scores of all cases would not fit."""
    parts = []
    for start, stop in chunks(len(encoded.vectors), len(item_vectors)):
        part = encoded.take(batch, start, stop)
        asked = rows(batch, start, stop)
        scores = np.nan_to_num(part.scores(asked, item_vectors))
        if mixed is not None:
            add_tables(scores, asked, *mixed)
        scores[:, never] = NEVER
        parts.append(top_k(scores, TOP)[0])
    return np.concatenate(parts) if parts else np.zeros((0, TOP), dtype=np.int64)


def _overlap(want: Ints, got: Ints) -> float:
    """Mean share of the wanted items that were given, in any order; empty places do not count."""
    width = 1 + max(int(want.max(initial=0)), int(got.max(initial=0)))
    row = np.arange(len(want))[:, None] * width
    wanted, given = (row + want)[want > 0], (row + got)[got > 0]
    return float(np.isin(wanted, given).mean()) if len(wanted) else 1.0


def _ndcg(lists: Ints, cases: Cases) -> float:
    sizes: NDArray[np.int64] = np.diff(cases.target_offsets)
    return float(ndcg(hits(lists, cases), sizes, K).mean()) if len(cases) else 0.0
