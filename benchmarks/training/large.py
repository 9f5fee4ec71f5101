"""Training on a catalogue too large for all scores at once: memory and seconds of a step, and both losses."""

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.quality.splits import DAY_SECONDS, Split, id_only_vocabulary, single_target_cases
from benchmarks.report import print_progress
from benchmarks.training.ours import PreparedTraining, prepare_training
from benchmarks.training.runs import ModelSizes
from freshet.data.columns import EVENT_TYPE_CODES
from freshet.data.history import Histories

if TYPE_CHECKING:
    from torch import Tensor

N_SHOPPERS, EVENTS_PER_SHOPPER = 20_000, 20
N_STEPS = 5
BATCH_HISTORIES = 100  # 2,000 targets in a batch
N_NEGATIVES = 8192  # sampled items in the second run
N_LOSS_SAMPLES = 20  # the sampled loss is the mean over so many samples
REFERENCE_BATCH_EVENTS = 128  # events of the batch for which the full softmax is computed
ZIPF_EXPONENT = 1.2  # exponent of the items' popularity


def measure(items: int, width: int) -> dict[str, object]:
    """Figures of a few steps with the full softmax and with the sampled one, each in a new process."""
    figures: dict[str, object] = {
        "items": items,
        "width": width,
        "all_scores_mib": round(_all_scores_bytes(items) / 2**20),
    }
    for name, negatives in (("full_softmax", items), ("sampled_softmax", N_NEGATIVES)):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            figures[name] = pool.submit(train_steps, items, width, negatives).result()
    return figures


def _all_scores_bytes(items: int) -> int:
    """Bytes of a batch's scores of all items."""
    return BATCH_HISTORIES * EVENTS_PER_SHOPPER * (items + 1) * 4


def train_steps(items: int, width: int, negatives: int) -> dict[str, object]:
    """Peak memory and seconds of the steps, then the sampled and the full loss of the same batch."""
    from freshet.model import device as devices

    sizes, overrides = (
        ModelSizes(hidden_dim=width, max_history=EVENTS_PER_SHOPPER, batch_histories=BATCH_HISTORIES),
        (f"n_negatives={negatives}",),
    )
    training = prepare_training(synthetic_split(items), sizes, 1, overrides)
    memory_before = devices.peak_memory(training.state.device)
    print_progress(f"ready with {memory_before / 2**20:,.0f} MiB")
    start, steps = time.perf_counter(), training.epoch_steps()
    for _ in range(N_STEPS):
        next(steps)
    seconds = (time.perf_counter() - start) / N_STEPS
    peak = devices.peak_memory(training.state.device)
    print_progress(f"{seconds:.1f} s a step, peak {peak / 2**20:,.0f} MiB")
    sampled_loss, full_loss = compare_losses(training)
    return {
        "n_negatives": negatives,
        "peak_mib": round(peak / 2**20),
        "peak_before_first_step_mib": round(memory_before / 2**20),
        "seconds_per_step": round(seconds, 2),
        "loss": sampled_loss,
        "full_softmax_loss": full_loss,
        "device": devices.device_name(training.state.device),
    }


def compare_losses(training: PreparedTraining) -> tuple[float, float]:
    """(the training loss, torch's cross-entropy of the full softmax) of the same small batch, in nats.

    With negative sampling the first is the mean over N_LOSS_SAMPLES samples.
    """
    import torch

    from freshet.training.batching import batches
    from freshet.training.objective import step_loss

    model, device = training.state.model.eval(), training.state.device
    rng = np.random.default_rng(0)
    batch = next(iter(batches(training.dataset, training.params.max_history, REFERENCE_BATCH_EVENTS, 0.0, rng))).to(
        device
    )
    with torch.no_grad():
        n_samples = N_LOSS_SAMPLES if training.state.sampler is not None else 1
        sampled_losses = [float(step_loss(model, batch, sampler=training.state.sampler)) for _ in range(n_samples)]
        return sum(sampled_losses) / n_samples, float(_full_softmax_loss(model, batch))


def _full_softmax_loss(model: object, batch: object) -> "Tensor":
    """torch's cross-entropy of the scores of all items; every event here has one target."""
    from torch.nn import functional as F

    from freshet.training.objective import batch_scores

    scores = batch_scores(model, batch)  # type: ignore[arg-type]
    return F.cross_entropy(scores[:, 1:], batch.targets.items - 1)  # type: ignore[attr-defined]


def synthetic_split(items: int) -> Split:
    """N_SHOPPERS histories of EVENTS_PER_SHOPPER items each, drawn by popularity; the last event is the test."""
    rng = np.random.default_rng(0)
    items_column = (rng.zipf(ZIPF_EXPONENT, N_SHOPPERS * EVENTS_PER_SHOPPER) - 1) % items + 1
    times = np.tile(np.arange(EVENTS_PER_SHOPPER) * DAY_SECONDS, N_SHOPPERS)
    offsets = np.arange(N_SHOPPERS + 1) * EVENTS_PER_SHOPPER
    types = np.full(len(items_column), EVENT_TYPE_CODES["view"])
    histories = Histories(np.arange(N_SHOPPERS).astype(str), offsets, items_column, types, times, times // DAY_SECONDS)
    cases = single_target_cases(histories, offsets[1:] - 1)
    ids = np.arange(1, items + 1).astype(str)
    return Split(id_only_vocabulary(ids), histories, cases, cases, True, False, ("ndcg@10",), {}, ())
