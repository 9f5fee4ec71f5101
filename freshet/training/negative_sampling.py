"""Negative sampling: for large catalogues, score a sample of items instead of all of them.

A softmax over V items costs V products per query. Here the items of the batch and some uniformly sampled negatives are
scored. An item that is in the sample with probability p counts 1 / p times in the denominator, so that the sum is
unbiased (Bengio and Senécal 2008; "logQ correction", Yi et al. 2019). Items that are certain to be in the sample for a
query, its targets and the items of its window, count once.

All of a step works on the sampled items: no embeddings are computed for the others.

Shapes: S sampled items, V items. PAD = 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from freshet.data.columns import PAD
from freshet.training.batching import Batch, sample_windows
from freshet.training.dataset import TrainingDataset
from freshet.training.losses import SoftTargets, SparseScoreDelta

MIN_CATALOGUE_RATIO = 2  # items per sampled negative, above which sampling saves enough to be used


@dataclass(frozen=True)
class SampledItems:
    """The sampled items with their logQ correction: the logarithm of how many items each stands for."""

    items: Tensor  # (S,) ascending, PAD first
    log_q_correction: Tensor  # (S,)

    def remap_batch(self, batch: Batch) -> Batch:
        """Return the batch with every item replaced by its index in the sample."""
        targets = replace(batch.targets, items=self._remap(batch.targets.items))
        return replace(batch, items=self._remap(batch.items), targets=targets)

    def cancel_target_correction(self, targets: SoftTargets, score_delta: SparseScoreDelta) -> SparseScoreDelta:
        """Return `score_delta` with the logQ correction subtracted for the items that are certain for a query.

        These are its targets and the items of `score_delta`; both hold indices in the sample.
        """
        query, _ = targets.expand()
        size = len(self.items)
        cells = torch.cat([score_delta.queries * size + score_delta.items, query * size + targets.items])
        certain_cells = torch.unique(cells)
        queries = torch.cat([score_delta.queries, certain_cells // size])
        order = torch.argsort(queries, stable=True)  # SparseScoreDelta has its queries ascending
        items = torch.cat([score_delta.items, certain_cells % size])
        corrections = -self.log_q_correction[certain_cells % size].to(score_delta.values.dtype)
        values = torch.cat([score_delta.values, corrections])
        return SparseScoreDelta(queries[order], items[order], values[order])

    def _remap(self, items: Tensor) -> Tensor:
        return torch.searchsorted(self.items, items)


@dataclass(frozen=True)
class NegativeSampler:
    """Samples the items to score for the batches of a dataset."""

    windows_per_item: Tensor  # (V + 1,) windows of an epoch that hold the item
    n_events: int  # in an epoch
    n_uniform: int  # negatives sampled uniformly, beside the items of a batch

    @classmethod
    def fit(
        cls, dataset: TrainingDataset, n_items: int, max_length: int, n_uniform: int, device: torch.device
    ) -> "NegativeSampler | None":
        """Return a sampler for `n_items` items, None if the catalogue is small enough to score all of them.

        max_length: of a window, in events. device: of the model.
        """
        if n_items <= MIN_CATALOGUE_RATIO * n_uniform:
            return None
        windows = sample_windows(dataset.lengths, max_length, np.random.default_rng(0))
        window_index = np.repeat(np.arange(len(windows)), windows[:, 2])  # every row lies in one window
        pairs = np.unique(window_index * (n_items + 1) + dataset.items)
        windows_per_item = np.bincount(pairs % (n_items + 1), minlength=n_items + 1)
        return cls(torch.from_numpy(windows_per_item).to(device), len(dataset.items), n_uniform)

    def sample(self, batches: Sequence[Batch]) -> SampledItems:
        """Return the items to score for these parts of a batch: their own and `n_uniform` others, from torch's RNG."""
        device, n_rows = batches[0].items.device, len(self.windows_per_item)
        mask = torch.zeros(n_rows, dtype=torch.bool, device=device)
        for part in batches:
            mask[part.items] = True
            mask[part.targets.items] = True
        mask[torch.randint(1, n_rows, (self.n_uniform,), device=device)] = True
        mask[PAD] = True
        items = mask.nonzero().flatten()
        return SampledItems(items, -self._inclusion_probability(items, sum(len(part.items) for part in batches)).log())

    def _inclusion_probability(self, items: Tensor, n_events: int) -> Tensor:
        """(S,) the probability that an item is in the sample: in a window of `n_events` events, or uniformly sampled.

        Batches have about the same number of events, so every window is in the next batch with the same probability.
        """
        fraction = min(1.0, n_events / max(1, self.n_events))
        p_not_in_windows = (1 - fraction) ** self.windows_per_item[items]
        p_not_uniform = (1 - 1 / (len(self.windows_per_item) - 1)) ** self.n_uniform
        return 1 - p_not_in_windows * p_not_uniform


def sample_batches(
    sampler: NegativeSampler | None, batches: Sequence[Batch]
) -> tuple[SampledItems | None, Sequence[Batch]]:
    """Return the sampled items and the batches in their indices; without a sampler None and the batches unchanged."""
    if sampler is None:
        return None, batches
    sampled_items = sampler.sample(batches)
    return sampled_items, [sampled_items.remap_batch(batch) for batch in batches]
