"""The record of one measured training: seconds and validation NDCG of every epoch, without set-up and evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ModelSizes:
    """The sizes that Freshet and the peer share."""

    hidden_dim: int = 64
    n_layers: int = 2
    n_heads: int = 2
    max_history: int = 50
    batch_histories: int = 128  # Freshet's batch holds as many events as so many histories have on average
    dropout: float = 0.2


@dataclass(frozen=True)
class TrainingRun:
    """Measurements of a training. interactions: targets in an epoch, without padding."""

    epoch_seconds: tuple[float, ...]  # of training alone
    ndcg: tuple[float, ...]  # NDCG@10 of the validation
    interactions: int
    setup_seconds: float  # everything before the first step
    evaluation_seconds: float  # of all epochs together
    peak_mib: float  # of the process, or of the GPU where there is one
    device: str

    @property
    def interactions_per_second(self) -> float:
        """Interactions per second of the median epoch, so that a slow first one does not count."""
        return self.interactions / float(np.median(self.epoch_seconds))


def seconds_to_target(target: float, epoch_seconds: Sequence[float], ndcg: Sequence[float]) -> float | None:
    """Seconds of training up to the first epoch whose NDCG is at least `target`; None if there is no such epoch."""
    epochs_reached = [number for number, value in enumerate(ndcg) if value >= target]
    return sum(epoch_seconds[: epochs_reached[0] + 1]) if epochs_reached else None


def run_figures(run: TrainingRun, target: float) -> dict[str, object]:
    """The figures of the JSON line."""
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
