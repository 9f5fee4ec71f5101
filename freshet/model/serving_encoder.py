"""What serves: the model over right-padded histories, as it is exported and as validation scores.

Shapes: B histories, T events in a padded history, D width, M members with P numbers each, E = M · P + 1 numbers of an
item's vector, V items. PAD = 0.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from freshet.data.columns import PAD
from freshet.model.attention import padded_attention
from freshet.model.transformer import Recommender, encoders


class PaddedShopperEncoder(nn.Module):
    """What serves: right-padded histories -> a vector each, and what each event adds to its own item's score.

    Shares its weights with the model.
    """

    table: Tensor

    def __init__(self, model: Recommender) -> None:
        super().__init__()
        self.shoppers = model.shopper_encoders
        with torch.no_grad():
            self.register_buffer("table", model.item_embeddings()[:, :-1].clone())  # (V + 1, M · P)

    def forward(self, items: Tensor, types: Tensor, gaps: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T) each, T at most the config's length -> (B, E) of the last event that is no padding, and (B, T)."""
        positions = torch.arange(items.shape[1], device=items.device)  # (T,)
        mask = items != PAD  # (B, T)
        rows, last = torch.arange(items.shape[0], device=items.device), (mask.sum(dim=1) - 1).clamp(min=0)  # (B,)
        visible = mask.unsqueeze(1).to(self.table.dtype)  # (B, 1, T)
        member_inputs = F.embedding(items, self.table).chunk(len(self.shoppers), dim=-1)  # M of (B, T, P)
        vectors, repeats = [], []
        for encoder, inputs in zip(encoders(self.shoppers), member_inputs, strict=True):
            encoded = encoder(inputs, types, gaps, positions, padded_attention)  # (B, T, D)
            last_states = encoded[rows, last]  # (B, D)
            repeats.append(
                encoder.repeat_attention(last_states.unsqueeze(1), encoded, items, visible).squeeze(1)
            )  # (B, T)
            vectors.append(encoder.project(last_states))  # (B, P)
        return ensemble_mean(vectors), torch.stack(repeats).mean(dim=0)


def ensemble_mean(vectors: list[Tensor]) -> Tensor:
    """M members' (B, P) -> (B, E): its product with an item's vector is the mean of theirs, and its bias."""
    directions = torch.cat(vectors, dim=1) / len(vectors)  # (B, M · P)
    return torch.cat([directions, torch.ones_like(directions[:, :1])], dim=1)


def score_items(vectors: Tensor, repeats: Tensor, items: Tensor, item_embeddings: Tensor) -> Tensor:
    """(B, E), (B, T), (B, T), (V + 1, E) -> (B, V + 1)."""
    return (vectors @ item_embeddings.T).scatter_add(1, items, repeats)
