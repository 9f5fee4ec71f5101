"""How long one shopper waits for the ranker: measured before a bundle is published."""

import time
from dataclasses import dataclass

import numpy as np

from freshet.history import ModelInput
from freshet.live.ranker import Ranker
from freshet.live.scorer import rows, top_k


@dataclass(frozen=True)
class Latency:
    """Milliseconds of one request of one shopper, from history to top k."""

    median: float
    p99: float
    requests: int


def latency(ranker: Ranker, batch: ModelInput, k: int = 20, requests: int = 200) -> Latency:
    """One request at a time, as a shopper causes it, over the batch's histories in turn; the first ones warm up."""
    count, taken = len(batch.offsets) - 1, []
    for number in range(requests + 10):
        one = rows(batch, number % count, number % count + 1)
        begun = time.perf_counter()
        top_k(ranker.score(one), k)
        taken.append(1000 * (time.perf_counter() - begun))
    return Latency(float(np.median(taken[10:])), float(np.quantile(taken[10:], 0.99)), requests)
