"""Models as a team might bring them: a small GRU, and some that lack something."""

import torch
from torch import Tensor, nn

from freshet.model.params import ModelConfig

HIDDEN_DIM = 12


class SmallGru(nn.Module):
    """A recurrent network over the items of a history: all that is needed, and nothing more."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.items = nn.Embedding(config.n_items + 1, HIDDEN_DIM, padding_idx=0)
        self.gru = nn.GRU(HIDDEN_DIM, HIDDEN_DIM, batch_first=True)

    def forward(self, items: Tensor, types: Tensor, gaps: Tensor) -> Tensor:
        encoded, _ = self.gru(self.items(items))  # (B, T, WIDTH)
        last_event = ((items != 0).sum(dim=1) - 1).clamp(min=0)  # (B,)
        return encoded[torch.arange(items.shape[0]), last_event]

    def item_embeddings(self) -> Tensor:
        return self.items.weight


class GruEverywhere(SmallGru):
    """It can be asked after every event at once."""

    def encode_all_events(self, items: Tensor, types: Tensor, gaps: Tensor) -> Tensor:
        encoded, _ = self.gru(self.items(items))
        return encoded


class Narrow(SmallGru):
    """Its vectors are shorter than its items'."""

    def forward(self, items: Tensor, types: Tensor, gaps: Tensor) -> Tensor:
        return super().forward(items, types, gaps)[:, :5]


class FewItems(SmallGru):
    """It has forgotten row 0."""

    def item_embeddings(self) -> Tensor:
        return self.items.weight[1:]


class NoItems(nn.Module):
    """It has no item vectors."""

    def forward(self, items: Tensor, types: Tensor, gaps: Tensor) -> Tensor:
        return items.float()


NOT_A_CLASS = 7
