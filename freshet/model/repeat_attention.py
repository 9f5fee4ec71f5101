"""Repeat attention: scores for items of the history, as a pointer network (Vinyals et al. 2015)."""

import torch
from torch import Tensor, nn


class RepeatAttention(nn.Module):
    """Scores for repeats: what a history adds to the scores of its own items."""

    def __init__(self, hidden_dim: int) -> None:
        super().__init__()
        self.queries = nn.Linear(hidden_dim, hidden_dim)
        self.keys = nn.Linear(hidden_dim, hidden_dim)
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, query_states: Tensor, encoded: Tensor, items: Tensor, visible: Tensor) -> Tensor:
        """query_states (B, Q, D), encoded (B, T, D), items (B, T), visible (B, Q, T): 1 for events that a query sees.

        -> (B, Q, T): scale · log(1 + Σ weight) over an item's visible events, at the item's first event; 0 elsewhere. A
        weight is exp(query · key / √D): with all weights 1 the sum is the item's frequency, a strong baseline.
        """
        queries, keys = self.queries(query_states), self.keys(encoded)
        if queries.device.type == "cpu" and queries.dtype == torch.bfloat16:  # bf16 does not speed up small products
            with torch.autocast("cpu", enabled=False):
                return self._repeat_scores(queries.float(), keys.float(), items, visible)
        return self._repeat_scores(queries, keys, items, visible)

    def _repeat_scores(self, queries: Tensor, keys: Tensor, items: Tensor, visible: Tensor) -> Tensor:
        logits = queries @ keys.transpose(1, 2) / keys.shape[-1] ** 0.5  # (B, Q, T)
        weights = logits.clamp(max=6.0).exp() * visible
        same_item = (items.unsqueeze(1) == items.unsqueeze(2)).to(weights.dtype)  # (B, T, T)
        is_first = same_item.tril(-1).sum(dim=-1) == 0  # (B, T)
        scores: Tensor = self.scale * torch.log1p(weights @ same_item) * (visible * is_first.unsqueeze(1))
        return scores
