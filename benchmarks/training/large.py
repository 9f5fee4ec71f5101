"""A catalogue too large for all scores at once: memory and seconds of a step, and its loss by the plain way."""

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.quality.splits import DAY, Split, plain_vocabulary, single
from benchmarks.report import say
from benchmarks.training.ours import Prepared, prepared
from benchmarks.training.runs import Sizes
from freshet.columns import TYPE_CODE
from freshet.history import Histories

if TYPE_CHECKING:
    from torch import Tensor

SHOPPERS, EVENTS = 20_000, 20
STEPS = 5
BATCH = 100  # histories: 2,000 events asked at once
DRAWN = 8192  # negatives, where not all items are scored
DRAWS = 20  # of which the mean loss is shown
PLAIN_ROWS = 128  # events whose scores of all items are held at once, for the comparison
ZIPF = 1.2  # exponent of the items' popularity


def measure(items: int, width: int) -> dict[str, object]:
    """Trains a few steps in a new process, with the scores of all items and with those of some that stand for all."""
    found: dict[str, object] = {"items": items, "width": width, "all_scores_mib": round(_all_scores(items) / 2**20)}
    for name, negatives in (("all", items), ("drawn", DRAWN)):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            found[name] = pool.submit(stepped, items, width, negatives).result()
    return found


def _all_scores(items: int) -> int:
    """Bytes."""
    return BATCH * EVENTS * (items + 1) * 4


def stepped(items: int, width: int, negatives: int) -> dict[str, object]:
    """Peak memory of the steps, before anything plain is computed, then both losses of the same questions."""
    from freshet.model import device as devices

    sizes, overrides = Sizes(width=width, length=EVENTS, batch=BATCH), (f"negatives={negatives}",)
    ready = prepared(synthetic(items), sizes, 1, overrides)
    before = devices.peak_memory(ready.course.place)
    say(f"ready with {before / 2**20:,.0f} MiB")
    begun, steps = time.perf_counter(), ready.steps()
    for _ in range(STEPS):
        next(steps)
    seconds = (time.perf_counter() - begun) / STEPS
    peak = devices.peak_memory(ready.course.place)
    say(f"{seconds:.1f} s a step, peak {peak / 2**20:,.0f} MiB")
    taught, plain = losses(ready)
    return {
        "negatives": negatives,
        "peak_mib": round(peak / 2**20),
        "peak_before_first_step_mib": round(before / 2**20),
        "seconds_per_step": round(seconds, 2),
        "loss": taught,
        "plain_loss": plain,
        "device": devices.name(ready.course.place),
    }


def losses(ready: Prepared) -> tuple[float, float]:
    """(what training teaches, the cross-entropy of all scores at once) for the same small batch, in nats.

    The first is the mean of DRAWS where items are drawn, and the same every time where none are.
    """
    import torch

    from freshet.model.batches import batches
    from freshet.model.own import step_loss

    model, place = ready.course.model.eval(), ready.course.place
    rng = np.random.default_rng(0)
    batch = next(iter(batches(ready.corpus, ready.params.length, PLAIN_ROWS, 0.0, rng))).to(place)
    with torch.no_grad():
        draws = DRAWS if ready.course.drawing is not None else 1
        taught = [float(step_loss(model, batch, drawing=ready.course.drawing)) for _ in range(draws)]
        return sum(taught) / draws, float(_plain(model, batch))


def _plain(model: object, batch: object) -> "Tensor":
    """All scores at once, and torch's own cross-entropy: every question here asks for one item."""
    from torch.nn import functional as F

    from freshet.model.question import batch_scores

    scores = batch_scores(model, batch)  # type: ignore[arg-type]
    return F.cross_entropy(scores[:, 1:], batch.following.items - 1)  # type: ignore[attr-defined]


def synthetic(items: int) -> Split:
    """SHOPPERS histories of EVENTS items each, popular ones more often; the last two events are asked as always."""
    rng = np.random.default_rng(0)
    drawn = (rng.zipf(ZIPF, SHOPPERS * EVENTS) - 1) % items + 1
    times = np.tile(np.arange(EVENTS) * DAY, SHOPPERS)
    offsets = np.arange(SHOPPERS + 1) * EVENTS
    types = np.full(len(drawn), TYPE_CODE["view"])
    histories = Histories(np.arange(SHOPPERS).astype(str), offsets, drawn, types, times, times // DAY)
    asked = single(histories, offsets[1:] - 1)
    ids = np.arange(1, items + 1).astype(str)
    return Split(plain_vocabulary(ids), histories, asked, asked, True, False, ("ndcg@10",), {}, ())
