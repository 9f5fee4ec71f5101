"""One training measured: what its epochs took, evaluation and set-up left out, and how good each was."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ModelSizes:
    """What both trainers are given alike."""

    width: int = 64
    blocks: int = 2
    heads: int = 2
    length: int = 50
    batch: int = 128  # histories; ours packs as many events as such a batch holds on average
    dropout: float = 0.2


@dataclass(frozen=True)
class TrainingRun:
    """Epoch by epoch. interactions: items asked for in an epoch, no padding among them."""

    epoch_seconds: tuple[float, ...]  # of training alone
    ndcg: tuple[float, ...]  # NDCG@10 of the validation
    interactions: int
    setup_seconds: float  # everything before the first step
    evaluation_seconds: float  # of all epochs together
    peak_mib: float  # of the process, or of the GPU where there is one
    device: str

    @property
    def interactions_per_second(self) -> float:
        """By the median epoch, so that a first one that compiles or warms up does not count."""
        return self.interactions / float(np.median(self.epoch_seconds))


def seconds_to_target(target: float, epoch_seconds: Sequence[float], ndcg: Sequence[float]) -> float | None:
    """Seconds of training until the first epoch whose NDCG is at least `target`; None if none is."""
    epochs_reached = [number for number, value in enumerate(ndcg) if value >= target]
    return sum(epoch_seconds[: epochs_reached[0] + 1]) if epochs_reached else None


def run_figures(run: TrainingRun, target: float) -> dict[str, object]:
    """For the JSON line."""
    target_seconds = seconds_to_target(target, run.epoch_seconds, run.ndcg)
    return {
        "interactions_per_second": round(run.interactions_per_second, 1),
        "seconds_to_quality": None if target_seconds is None else round(target_seconds, 1),
        "peak_mib": round(run.peak_mib),
        "epochs": len(run.ndcg),
        "epoch_seconds": round(float(np.median(run.epoch_seconds)), 2),
        "best_ndcg@10": round(max(run.ndcg), 4),
        "set_up_seconds": round(run.setup_seconds, 1),
        "evaluation_seconds": round(run.evaluation_seconds, 1),
    }
