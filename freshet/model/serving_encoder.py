"""The serving encoder: the model over right-padded histories, for the ONNX export and for validation.

Shapes: B histories, T events in a padded history, D hidden_dim, M ensemble members with P numbers each, E = M · P + 1
numbers of an embedding, V items. PAD = 0.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from freshet.data.columns import PAD
from freshet.model.attention import padded_attention
from freshet.model.transformer import Recommender, encoders


class PaddedShopperEncoder(nn.Module):
    """Right-padded histories -> a shopper embedding each, and what each event adds to the score of its own item.

    It shares its weights with the model.
    """

    table: Tensor

    def __init__(self, model: Recommender) -> None:
        super().__init__()
        self.shoppers = model.shopper_encoders
        with torch.no_grad():
            self.register_buffer("table", model.item_embeddings()[:, :-1].clone())  # (V + 1, M · P)

    def forward(self, items: Tensor, types: Tensor, gaps: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T) each, T at most max_history -> (B, E) after the last event before the padding, and (B, T) repeats."""
        positions = torch.arange(items.shape[1], device=items.device)  # (T,)
        mask = items != PAD  # (B, T)
        rows, last = torch.arange(items.shape[0], device=items.device), (mask.sum(dim=1) - 1).clamp(min=0)  # (B,)
        visible = mask.unsqueeze(1).to(self.table.dtype)  # (B, 1, T)
        member_inputs = F.embedding(items, self.table).chunk(len(self.shoppers), dim=-1)  # M of (B, T, P)
        vectors, repeats = [], []
        for encoder, inputs in zip(encoders(self.shoppers), member_inputs, strict=True):
            encoded = encoder(inputs, types, gaps, positions, padded_attention)  # (B, T, D)
            last_states = encoded[rows, last]  # (B, D)
            query = last_states.unsqueeze(1)  # (B, 1, D)
            repeats.append(encoder.repeat_attention(query, encoded, items, visible).squeeze(1))  # (B, T)
            vectors.append(encoder.project(last_states))  # (B, P)
        return ensemble_mean(vectors), torch.stack(repeats).mean(dim=0)


def ensemble_mean(vectors: list[Tensor]) -> Tensor:
    """(B, P) of M members -> (B, E): its product with an item embedding is the members' mean score plus the bias."""
    directions = torch.cat(vectors, dim=1) / len(vectors)  # (B, M · P)
    return torch.cat([directions, torch.ones_like(directions[:, :1])], dim=1)


def score_items(vectors: Tensor, repeats: Tensor, items: Tensor, item_embeddings: Tensor) -> Tensor:
    """vectors (B, E), repeats (B, T), items (B, T), item_embeddings (V + 1, E) -> (B, V + 1) scores."""
    return (vectors @ item_embeddings.T).scatter_add(1, items, repeats)
