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

SEVERAL = 2  # times what is drawn: with fewer items a draw saves next to nothing


def draws(items: int, evenly: int) -> bool:
    """Whether a catalogue of so many items is drawn from."""
    return items > SEVERAL * evenly


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

    holding: Tensor  # (V + 1,) windows of an epoch that hold the item
    events: int  # of an epoch
    evenly: int  # items drawn beside those of a batch

    @classmethod
    def of(cls, taught: Corpus, items: int, length: int, evenly: int, place: torch.device) -> "Drawing | None":
        """None where there are at most SEVERAL times as many `items`: then nothing is left out. place: of the model."""
        if not draws(items, evenly):
            return None
        sizes = windows(taught.lengths, length, np.random.default_rng(0))[:, 2]  # every row lies in one window
        pairs = np.unique(np.repeat(np.arange(len(sizes)), sizes) * (items + 1) + taught.items)
        holding = np.bincount(pairs % (items + 1), minlength=items + 1)
        return cls(torch.from_numpy(holding).to(place), len(taught.items), evenly)

    def draw(self, parts: Sequence[Batch]) -> Drawn:
        """What stands for all items in these parts of a batch: their own, and `evenly` others by torch's generator."""
        place, rows = parts[0].items.device, len(self.holding)
        chosen = torch.zeros(rows, dtype=torch.bool, device=place)
        for part in parts:
            chosen[part.items] = True
            chosen[part.following.items] = True
        chosen[torch.randint(1, rows, (self.evenly,), device=place)] = True
        chosen[PAD] = True
        items = chosen.nonzero().flatten()
        return Drawn(items, -self._chances(items, sum(len(part.items) for part in parts)).log())

    def _chances(self, items: Tensor, events: int) -> Tensor:
        """(S,) of each item to be drawn: by any of the windows in so many events, or evenly.

        Windows of one length come together, but as batches have like many events, every window has the same chance to
        be in the next one: that of an event.
        """
        share = min(1.0, events / max(1, self.events))
        missed = (1 - share) ** self.holding[items] * (1 - 1 / (len(self.holding) - 1)) ** self.evenly
        return 1 - missed
