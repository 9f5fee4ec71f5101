"""The ranker: histories in, catalogue ids out. Evaluation, parity and serving all answer through it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from freshet.errors import BundleError, SettingsError
from freshet.history import Histories, Ints, ModelInput, model_input
from freshet.live.bundle import Bundle, encoder_file
from freshet.live.manifest import REBUILD, Precision
from freshet.live.runs import Runs, runs, scales_over_the_batch
from freshet.live.scorer import NEVER, Encoded, Mask, Scores, chunks, masked, places_of, rows, taken, top_k
from freshet.neighbourhood import add_tables

# The ladder, best first; `neighbours` answers "similar items" only (docs/gateway.md).
Tier = Literal["sequence", "precomputed", "content", "segment", "popular", "neighbours"]
Device = Literal["cpu", "cuda"]

OUTPUTS = ["vectors", "repeats"]
LANES = 4  # numbers of 32 bits that a processor of any kind computes at once


@dataclass(frozen=True)
class Answer:
    """What one shopper is shown, best first, and which rung of the ladder said so."""

    item_ids: tuple[str, ...]
    scores: tuple[float, ...]
    tier: Tier


@dataclass(frozen=True)
class Ranker:
    """A bundle with its encoder running. Build it with `open_ranker`."""

    bundle: Bundle
    session: Any  # onnxruntime.InferenceSession
    runs: Runs = "by_length"

    @property
    def length(self) -> int:
        """Events of a history that the encoder reads."""
        return self.bundle.manifest.length

    @property
    def width(self) -> int:
        """V + 1."""
        return len(self.bundle.item_vectors)

    def encode(self, batch: ModelInput) -> Encoded:
        """The shopper encoder's answer, whatever it is: to each history what it would get if it were asked alone."""
        size = len(batch.offsets) - 1
        vectors = np.zeros((size, self.bundle.item_vectors.shape[1]), dtype=np.float32)
        repeats = np.zeros(len(batch.items), dtype=np.float32)
        for run in runs(np.diff(batch.offsets), self.runs):
            part = self._encode(taken(batch, run))
            vectors[run], repeats[places_of(batch, run)] = part.vectors, part.repeats
        return Encoded(vectors, repeats)

    def sound(self, batch: ModelInput) -> Encoded:
        """The shopper encoder's answer. Raises BundleError when it is not a number."""
        encoded = self.encode(batch)
        if not np.isfinite(encoded.numbers()).all():
            where = f"{self.bundle.folder} ({self.bundle.id[:12]})"
            raise BundleError(where, "the shopper encoder answered something that is not a number", REBUILD)
        return encoded

    def score(self, batch: ModelInput) -> Scores:
        """(B, V + 1) for every item; a history in which nothing is known gets what is popular.

        NEVER at PAD and at tombstones. Raises BundleError when the encoder's answer is not a number.
        """
        scores = self.sound(batch).scores(batch, self.bundle.item_vectors)
        add_tables(scores, batch, self.bundle.baselines.tables, self.bundle.manifest.blend)
        scores[np.diff(batch.offsets) == 0] = self.bundle.baselines.popularity
        scores[:, 0] = NEVER
        scores[:, self.bundle.vocabulary.tombstones] = NEVER
        return scores

    def recommend(
        self, histories: Histories, k: int, exclude: Sequence[Ints] | None = None, allowed: Mask | None = None
    ) -> list[Answer]:
        """The k best for each of S shoppers. Items are masked before the k are taken, so no answer is short
        while items remain.

        exclude: per shopper the indexes not to show. allowed: (V + 1,) what may be shown at all.
        """
        batch = model_input(histories, self.length)
        answers = []
        for start, stop in chunks(len(histories), self.width):
            part = rows(batch, start, stop)
            own = None if exclude is None else exclude[start:stop]
            items, best = top_k(masked(self.score(part), own, allowed), k)
            answers += [self._answer(*row) for row in zip(items, best, np.diff(part.offsets), strict=True)]
        return answers

    def _answer(self, items: Ints, best: Scores, known: int) -> Answer:
        there = items > 0
        ids = tuple(str(item) for item in self.bundle.vocabulary.item_ids[items[there]])
        return Answer(ids, tuple(float(s) for s in best[there]), "sequence" if known else "popular")

    def _encode(self, batch: ModelInput) -> Encoded:
        items, types, gaps = (_widened(x, self.length) for x in batch.padded())
        try:
            vectors, repeats = self.session.run(OUTPUTS, {"items": items, "types": types, "gaps": gaps})
        except Exception as error:  # onnxruntime raises a dozen unrelated classes here, too
            where = f"{self.bundle.folder} ({self.bundle.id[:12]})"
            raise BundleError(where, f"the shopper encoder failed ({_line(error)})", REBUILD) from error
        wanted = (len(items), self.bundle.item_vectors.shape[1])
        if vectors.shape != wanted or repeats.shape != items.shape:
            what = f"the shopper encoder answered {vectors.shape} and {repeats.shape}, not {wanted} and {items.shape}"
            raise BundleError(f"{self.bundle.folder} ({self.bundle.id[:12]})", what, REBUILD)
        return Encoded(vectors, repeats[items > 0])


def open_ranker(bundle: Bundle, precision: Precision | None = None, device: Device = "cpu", threads: int = 2) -> Ranker:
    """Start the bundle's shopper encoder, in the precision that serves unless another is asked for.

    Raises SettingsError when CUDA is asked for and not there, BundleError when the file is no model.
    """
    name = bundle.encoder.name if precision is None else encoder_file(precision)
    session = open_session(bundle, name, device, threads)
    wanted = {"items", "types", "gaps"}
    if {x.name for x in session.get_inputs()} != wanted or [x.name for x in session.get_outputs()][:2] != OUTPUTS:
        what = "it does not take items, types, gaps and give vectors, repeats"
        raise BundleError(f"{bundle.folder}/{name}", what, REBUILD)
    return Ranker(bundle, session, _runs(bundle.folder / name, device))


def _widened(padded: Ints, length: int) -> Ints:
    """(B, T) -> (B, T') with T' the next multiple of LANES, at most the encoder's length.

    onnxruntime computes a logarithm LANES numbers at a time, and what is left over by another formula: without anything
    left over it does not matter at which place of a batch a number stands.
    """
    width = padded.shape[1]
    return np.pad(padded, ((0, 0), (0, max(0, min(-width % LANES, length - width)))))


def _runs(encoder: Path, device: Device) -> Runs:
    if scales_over_the_batch(encoder):
        return "alone"
    return "by_length" if device == "cpu" else "together"


def open_session(bundle: Bundle, name: str, device: Device = "cpu", threads: int = 2) -> Any:
    """An onnxruntime.InferenceSession of one of the bundle's files. Raises as `open_ranker` does."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    provider = "CUDAExecutionProvider" if device == "cuda" else "CPUExecutionProvider"
    try:
        session = ort.InferenceSession(str(bundle.folder / name), options, providers=[provider])
    except Exception as error:  # onnxruntime raises a dozen unrelated classes here
        raise BundleError(f"{bundle.folder}/{name}", f"onnxruntime cannot load it ({_line(error)})", REBUILD) from error
    if provider not in session.get_providers():
        what = "CUDA was asked for and onnxruntime runs on the CPU"
        raise SettingsError("device", what, "install CUDA 13 and cuDNN 9 on this machine, or ask for the CPU")
    return session


def _line(error: Exception) -> str:
    return str(error).splitlines()[0]
