"""Custom models for tests: a small GRU, and classes with missing or wrong methods."""

import torch
from torch import Tensor, nn

from freshet.model.params import ModelConfig

HIDDEN_DIM = 12


class SmallGru(nn.Module):
    """A recurrent network over the items of a history, with the required methods only."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.items = nn.Embedding(config.n_items + 1, HIDDEN_DIM, padding_idx=0)
        self.gru = nn.GRU(HIDDEN_DIM, HIDDEN_DIM, batch_first=True)

    def forward(self, items: Tensor, types: Tensor, gaps: Tensor) -> Tensor:
        encoded, _ = self.gru(self.items(items))  # (B, T, HIDDEN_DIM)
        last_event = ((items != 0).sum(dim=1) - 1).clamp(min=0)  # (B,)
        return encoded[torch.arange(items.shape[0]), last_event]

    def item_embeddings(self) -> Tensor:
        return self.items.weight


class GruEverywhere(SmallGru):
    """It encodes all positions in one pass."""

    def encode_all_events(self, items: Tensor, types: Tensor, gaps: Tensor) -> Tensor:
        encoded, _ = self.gru(self.items(items))
        return encoded


class Narrow(SmallGru):
    """Its shopper embeddings are shorter than its item embeddings."""

    def forward(self, items: Tensor, types: Tensor, gaps: Tensor) -> Tensor:
        return super().forward(items, types, gaps)[:, :5]


class FewItems(SmallGru):
    """Its item embeddings have no row 0."""

    def item_embeddings(self) -> Tensor:
        return self.items.weight[1:]


class NoItems(nn.Module):
    """It has no item embeddings."""

    def forward(self, items: Tensor, types: Tensor, gaps: Tensor) -> Tensor:
        return items.float()


class FormerNames(nn.Module):
    """Its methods have the names of Freshet 0.1."""

    def forward(self, items: Tensor, types: Tensor, gaps: Tensor) -> Tensor:
        return items.float()

    def item_vectors(self) -> Tensor:
        return torch.zeros(1)

    def know(self, content: object) -> None:
        """Do nothing."""


NOT_A_CLASS = 7
