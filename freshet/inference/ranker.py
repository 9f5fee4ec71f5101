"""The ranker: from histories to ranked item ids. Evaluation, parity checks and serving all use it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from freshet.data.columns import ListTier
from freshet.data.history import Histories, Ints, ModelInput, model_input
from freshet.data.knn_blend import add_blend
from freshet.errors import BundleError, SettingsError
from freshet.inference.bundle import Bundle, encoder_file_name
from freshet.inference.encoder_batches import EncoderBatching, encoder_batches, is_dynamically_quantized
from freshet.inference.manifest import REBUILD_FIX, Precision
from freshet.inference.scoring import (
    EXCLUDED_SCORE,
    EncodedHistories,
    Mask,
    Scores,
    chunk_ranges,
    event_rows_of,
    mask_scores,
    select_histories,
    slice_batch,
    top_k,
)

Tier = Literal[ListTier, "neighbours"]  # `neighbours`: similar items
Device = Literal["cpu", "cuda"]

ENCODER_OUTPUTS = ["vectors", "repeats"]
SIMD_LANES = 4  # 32-bit numbers per instruction, on every processor


@dataclass(frozen=True)
class RankedItems:
    """The recommendations of one shopper, best first, and the tier that they come from."""

    item_ids: tuple[str, ...]
    scores: tuple[float, ...]
    tier: Tier


@dataclass(frozen=True)
class Ranker:
    """A bundle with an onnxruntime session of its encoder. Build it with `open_ranker`."""

    bundle: Bundle
    session: Any  # onnxruntime.InferenceSession
    batching: EncoderBatching = "by_length"

    @property
    def max_history(self) -> int:
        """Maximum number of events of a history."""
        return self.bundle.manifest.max_history

    @property
    def n_scores(self) -> int:
        """V + 1, the number of scores of a history."""
        return len(self.bundle.item_embeddings)

    def encode(self, batch: ModelInput) -> EncodedHistories:
        """Run the shopper encoder; each history gets the same output as on its own. Not checked for finite numbers."""
        n_histories = len(batch.offsets) - 1
        embeddings = np.zeros((n_histories, self.bundle.item_embeddings.shape[1]), dtype=np.float32)
        repeat_scores = np.zeros(len(batch.items), dtype=np.float32)
        for positions in encoder_batches(np.diff(batch.offsets), self.batching):
            encoded = self._run_encoder(select_histories(batch, positions))
            embeddings[positions], repeat_scores[event_rows_of(batch, positions)] = (
                encoded.embeddings,
                encoded.repeat_scores,
            )
        return EncodedHistories(embeddings, repeat_scores)

    def encode_checked(self, batch: ModelInput) -> EncodedHistories:
        """Run the shopper encoder. Raises BundleError if an output is not a number."""
        encoded = self.encode(batch)
        if not np.isfinite(encoded.flatten()).all():
            where = f"{self.bundle.folder} ({self.bundle.id[:12]})"
            raise BundleError(where, "the shopper encoder gave something that is not a number", REBUILD_FIX)
        return encoded

    def score(self, batch: ModelInput) -> Scores:
        """(B, V + 1) scores of all items; a history without known items gets popularity.

        EXCLUDED_SCORE at padding and delisted items. Raises BundleError if an encoder output is not a number.
        """
        scores = self.encode_checked(batch).item_scores(batch, self.bundle.item_embeddings)
        add_blend(scores, batch, self.bundle.baselines.blend_tables, self.bundle.manifest.blend)
        scores[np.diff(batch.offsets) == 0] = self.bundle.baselines.popularity
        scores[:, self.bundle.vocabulary.excluded_items] = EXCLUDED_SCORE
        return scores

    def recommend(
        self,
        histories: Histories,
        k: int,
        excluded_per_shopper: Sequence[Ints] | None = None,
        allowed_items: Mask | None = None,
    ) -> list[RankedItems]:
        """Return the k best items of each of S shoppers.

        Items are masked before the k are selected, so a list is only shorter if no more items are allowed.
        excluded_per_shopper: item indexes that a shopper must not get. allowed_items: (V + 1,) for all shoppers.
        """
        batch = model_input(histories, self.max_history)
        ranked = []
        for start, stop in chunk_ranges(len(histories), self.n_scores):
            chunk = slice_batch(batch, start, stop)
            chunk_excluded = None if excluded_per_shopper is None else excluded_per_shopper[start:stop]
            items, scores = top_k(mask_scores(self.score(chunk), chunk_excluded, allowed_items), k)
            ranked += [self._ranked_items(*row) for row in zip(items, scores, np.diff(chunk.offsets), strict=True)]
        return ranked

    def _ranked_items(self, items: Ints, scores: Scores, n_events: int) -> RankedItems:
        is_filled = items > 0
        ids = tuple(str(item) for item in self.bundle.vocabulary.item_ids[items[is_filled]])
        return RankedItems(ids, tuple(float(s) for s in scores[is_filled]), "sequence" if n_events else "popular")

    def _run_encoder(self, batch: ModelInput) -> EncodedHistories:
        items, types, gaps = (_pad_to_lanes(x, self.max_history) for x in batch.pad())
        try:
            embeddings, repeat_scores = self.session.run(
                ENCODER_OUTPUTS, {"items": items, "types": types, "gaps": gaps}
            )
        except Exception as error:  # onnxruntime raises a dozen unrelated classes here, too
            where = f"{self.bundle.folder} ({self.bundle.id[:12]})"
            raise BundleError(where, f"the shopper encoder failed ({_first_line(error)})", REBUILD_FIX) from error
        expected_shape = (len(items), self.bundle.item_embeddings.shape[1])
        if embeddings.shape != expected_shape or repeat_scores.shape != items.shape:
            what = (
                f"the shopper encoder gave {embeddings.shape} and {repeat_scores.shape}, "
                f"not {expected_shape} and {items.shape}"
            )
            raise BundleError(f"{self.bundle.folder} ({self.bundle.id[:12]})", what, REBUILD_FIX)
        return EncodedHistories(embeddings, repeat_scores[items > 0])


def open_ranker(bundle: Bundle, precision: Precision | None = None, device: Device = "cpu", threads: int = 2) -> Ranker:
    """Open the bundle's shopper encoder, by default in the precision that is served.

    Raises SettingsError if CUDA is requested and not available, BundleError if the file is not such an encoder.
    """
    name = bundle.encoder_path.name if precision is None else encoder_file_name(precision)
    session = open_session(bundle, name, device, threads)
    expected_inputs = {"items", "types", "gaps"}
    if {x.name for x in session.get_inputs()} != expected_inputs or [x.name for x in session.get_outputs()][
        :2
    ] != ENCODER_OUTPUTS:
        what = "it does not take items, types, gaps and give vectors, repeats"
        raise BundleError(f"{bundle.folder}/{name}", what, REBUILD_FIX)
    return Ranker(bundle, session, _encoder_batching(bundle.folder / name, device))


def _pad_to_lanes(padded: Ints, max_history: int) -> Ints:
    """(B, T) -> (B, T') with T' the next multiple of SIMD_LANES, at most max_history.

    onnxruntime computes logarithms SIMD_LANES numbers at a time, and a remainder by another formula. Without a
    remainder the result does not depend on the position of a history in the batch.
    """
    width = padded.shape[1]
    return np.pad(padded, ((0, 0), (0, max(0, min(-width % SIMD_LANES, max_history - width)))))


def _encoder_batching(encoder_path: Path, device: Device) -> EncoderBatching:
    if is_dynamically_quantized(encoder_path):
        return "alone"
    return "by_length" if device == "cpu" else "together"


def open_session(bundle: Bundle, name: str, device: Device = "cpu", threads: int = 2) -> Any:
    """Return an onnxruntime.InferenceSession of one of the bundle's files. Raises like `open_ranker`."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    provider = "CUDAExecutionProvider" if device == "cuda" else "CPUExecutionProvider"
    try:
        session = ort.InferenceSession(str(bundle.folder / name), options, providers=[provider])
    except Exception as error:  # onnxruntime raises a dozen unrelated classes here
        raise BundleError(
            f"{bundle.folder}/{name}", f"onnxruntime cannot load it ({_first_line(error)})", REBUILD_FIX
        ) from error
    if provider not in session.get_providers():
        what = "CUDA was requested but onnxruntime runs on the CPU"
        raise SettingsError("device", what, "install CUDA 13 and cuDNN 9 on this machine, or set the device to cpu")
    return session


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
