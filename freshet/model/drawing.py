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

from freshet.columns import PAD
from freshet.model.batches import Batch, windows
from freshet.model.corpus import Corpus
from freshet.model.losses import Added, Wanted

FEW = 2  # for fewer items a draw saves next to nothing


@dataclass(frozen=True)
class Drawn:
    """The items that are in, and what their scores are raised by: the logarithm of how many each stands for."""

    items: Tensor  # (S,) rising, PAD first
    raised: Tensor  # (S,)

    def places(self, batch: Batch) -> Batch:
        """The batch with every item's place among the drawn ones in its stead."""
        asked = replace(batch.following, items=self._places(batch.following.items))
        return replace(batch, items=self._places(batch.items), following=asked)

    def once(self, wanted: Wanted, added: Added) -> Added:
        """What is added to scores, and what they are raised by taken back from all that a question brings along.

        Both name places.
        """
        question, _ = wanted.spread()
        size = len(self.items)
        cells = torch.cat([added.questions * size + added.items, question * size + wanted.items])
        certain = torch.unique(cells)
        questions = torch.cat([added.questions, certain // size])
        order = torch.argsort(questions, stable=True)  # parts of the questions want them to rise
        items = torch.cat([added.items, certain % size])
        values = torch.cat([added.values, -self.raised[certain % size].to(added.values.dtype)])
        return Added(questions[order], items[order], values[order])

    def _places(self, items: Tensor) -> Tensor:
        return torch.searchsorted(self.items, items)


@dataclass(frozen=True)
class Drawing:
    """How items are drawn for the batches of a corpus."""

    shoppers: Tensor  # (V + 1,) with the item in their history
    windows: int  # of an epoch
    evenly: int  # items drawn beside those of a batch

    @classmethod
    def of(cls, taught: Corpus, items: int, length: int, evenly: int, place: torch.device) -> "Drawing | None":
        """For a training at `place`. None where there are at most FEW times as many `items`: nothing is left out."""
        if items <= FEW * evenly:
            return None
        owners = np.repeat(np.arange(len(taught.lengths)), taught.lengths)
        pairs = np.unique(owners * (items + 1) + taught.items)
        shoppers = np.bincount(pairs % (items + 1), minlength=items + 1)
        pieces = len(windows(taught.lengths, length, np.random.default_rng(0)))
        return cls(torch.from_numpy(shoppers).to(place), pieces, evenly)

    def draw(self, parts: Sequence[Batch]) -> Drawn:
        """What stands for all items in these parts of a batch: their own, and `evenly` others by torch's generator."""
        place, rows = parts[0].items.device, len(self.shoppers)
        chosen = torch.zeros(rows, dtype=torch.bool, device=place)
        for part in parts:
            chosen[part.items] = True
            chosen[part.following.items] = True
        chosen[torch.randint(1, rows, (self.evenly,), device=place)] = True
        chosen[PAD] = True
        items = chosen.nonzero().flatten()
        pieces = sum(count for part in parts for count, _ in part.groups)
        return Drawn(items, -self._chances(items, pieces).log())

    def _chances(self, items: Tensor, pieces: int) -> Tensor:
        """(S,) of each item to be drawn: by any of so many windows, which are any of all, or evenly."""
        share = min(1.0, pieces / max(1, self.windows))
        missed = (1 - share) ** self.shoppers[items] * (1 - 1 / (len(self.shoppers) - 1)) ** self.evenly
        return 1 - missed
