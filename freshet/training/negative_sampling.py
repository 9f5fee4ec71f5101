"""Some of a large catalogue stand for all of it: the items that a batch's answers are told from.

A softmax over V items costs V products a question. Over the items of the batch itself and some more that are drawn
evenly it costs few, and what is left out is made up for: an item that comes in with the chance p counts 1 / p times in
the sum below the fraction, as many as it stands for (Bengio and Senécal 2008; "logQ", Yi et al. 2019). So the sum is
right on average. What a question brings along itself, its answers and the items of its window, is there for certain and
counts once.

Everything else of a step goes by the drawn items too: of the others not even the vectors are made.

Shapes: S drawn items, V items. PAD = 0.
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

MIN_CATALOGUE_RATIO = 2  # times what is drawn: with fewer items a draw saves next to nothing


def uses_sampling(n_items: int, n_uniform: int) -> bool:
    """Whether a catalogue of so many items is drawn from."""
    return n_items > MIN_CATALOGUE_RATIO * n_uniform


@dataclass(frozen=True)
class SampledItems:
    """The items that are in, and what their scores are raised by: the logarithm of how many each stands for."""

    items: Tensor  # (S,) rising, PAD first
    log_q_correction: Tensor  # (S,)

    def remap_batch(self, batch: Batch) -> Batch:
        """The batch with every item's place among the drawn ones in its stead."""
        targets = replace(batch.targets, items=self._remap(batch.targets.items))
        return replace(batch, items=self._remap(batch.items), targets=targets)

    def cancel_target_correction(self, targets: SoftTargets, score_delta: SparseScoreDelta) -> SparseScoreDelta:
        """What is added to scores, and what they are raised by taken back from all that a question brings along.

        Both name places.
        """
        query, _ = targets.expand()
        size = len(self.items)
        cells = torch.cat([score_delta.queries * size + score_delta.items, query * size + targets.items])
        certain_cells = torch.unique(cells)
        queries = torch.cat([score_delta.queries, certain_cells // size])
        order = torch.argsort(queries, stable=True)  # parts of the questions want them to rise
        items = torch.cat([score_delta.items, certain_cells % size])
        values = torch.cat(
            [score_delta.values, -self.log_q_correction[certain_cells % size].to(score_delta.values.dtype)]
        )
        return SparseScoreDelta(queries[order], items[order], values[order])

    def _remap(self, items: Tensor) -> Tensor:
        return torch.searchsorted(self.items, items)


@dataclass(frozen=True)
class NegativeSampler:
    """How items are drawn for the batches of a corpus."""

    windows_per_item: Tensor  # (V + 1,) windows of an epoch that hold the item
    n_events: int  # of an epoch
    n_uniform: int  # items drawn beside those of a batch

    @classmethod
    def fit(
        cls, dataset: TrainingDataset, n_items: int, max_length: int, n_uniform: int, device: torch.device
    ) -> "NegativeSampler | None":
        """None where there are at most SEVERAL times as many `items`: then nothing is left out. place: of the model."""
        if not uses_sampling(n_items, n_uniform):
            return None
        sizes = sample_windows(dataset.lengths, max_length, np.random.default_rng(0))[
            :, 2
        ]  # every row lies in one window
        pairs = np.unique(np.repeat(np.arange(len(sizes)), sizes) * (n_items + 1) + dataset.items)
        windows_per_item = np.bincount(pairs % (n_items + 1), minlength=n_items + 1)
        return cls(torch.from_numpy(windows_per_item).to(device), len(dataset.items), n_uniform)

    def sample(self, batches: Sequence[Batch]) -> SampledItems:
        """What stands for all items in these parts of a batch: their own, and `evenly` others by torch's generator."""
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
        """(S,) of each item to be drawn: by any of the windows in so many events, or evenly.

        Windows of one length come together, but as batches have like many events, every window has the same chance to
        be in the next one: that of an event.
        """
        fraction = min(1.0, n_events / max(1, self.n_events))
        p_excluded = (1 - fraction) ** self.windows_per_item[items] * (
            1 - 1 / (len(self.windows_per_item) - 1)
        ) ** self.n_uniform
        return 1 - p_excluded
