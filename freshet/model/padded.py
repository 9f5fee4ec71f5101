"""What serves: the model over right-padded histories, as it is exported and as validation scores.

Shapes: B histories, T events in a padded history, D width, P numbers in an item's vector, E = P + 1, V items. PAD = 0.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from freshet.columns import PAD
from freshet.model.attention import attend_padded
from freshet.model.transformer import Recommender


class PaddedShopperEncoder(nn.Module):
    """What serves: right-padded histories -> a vector each, and what each event adds to its own item's score.

    Shares its weights with the model.
    """

    table: Tensor

    def __init__(self, model: Recommender) -> None:
        super().__init__()
        self.shoppers = model.shoppers
        with torch.no_grad():
            self.register_buffer("table", model.item_vectors()[:, :-1].clone())  # (V + 1, P)

    def forward(self, items: Tensor, types: Tensor, gaps: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T) each, T at most the config's length -> (B, E) of the last event that is no padding, and (B, T)."""
        positions = torch.arange(items.shape[1], device=items.device)  # (T,)
        encoded = self.shoppers(F.embedding(items, self.table), types, gaps, positions, attend_padded)  # (B, T, D)
        there = items != PAD  # (B, T)
        last = (there.sum(dim=1) - 1).clamp(min=0)  # (B,)
        asked = encoded[torch.arange(items.shape[0], device=items.device), last]  # (B, D)
        known = there.unsqueeze(1).to(encoded.dtype)  # (B, 1, T)
        repeats = self.shoppers.memory(asked.unsqueeze(1), encoded, items, known).squeeze(1)  # (B, T)
        return self.shoppers.vectors(asked), repeats


def scores_of(vectors: Tensor, repeats: Tensor, items: Tensor, item_vectors: Tensor) -> Tensor:
    """(B, E), (B, T), (B, T), (V + 1, E) -> (B, V + 1)."""
    return (vectors @ item_vectors.T).scatter_add(1, items, repeats)
