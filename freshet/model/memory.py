"""The memory: what a shopper comes back to. A pointer into the history, as in Vinyals et al. 2015."""

import torch
from torch import Tensor, nn


class Memory(nn.Module):
    """What a history adds to the scores of its own items: the more often and the more fittingly they were met."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.queries = nn.Linear(width, width)
        self.keys = nn.Linear(width, width)
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, asked: Tensor, encoded: Tensor, items: Tensor, known: Tensor) -> Tensor:
        """asked (B, Q, D), encoded (B, T, D), items (B, T), known (B, Q, T) which events each question may see.

        -> (B, Q, T): scale · log(1 + Σ weight) over an item's known events, at the item's first one; 0 elsewhere. A
        weight is exp(query · key): with all weights 1 it is log(1 + how often), which alone is a strong recommender.
        """
        queries, keys = self.queries(asked), self.keys(encoded)
        if queries.device.type == "cpu" and queries.dtype == torch.bfloat16:  # small products gain nothing by rounding
            with torch.autocast("cpu", enabled=False):
                return self._added(queries.float(), keys.float(), items, known)
        return self._added(queries, keys, items, known)

    def _added(self, queries: Tensor, keys: Tensor, items: Tensor, known: Tensor) -> Tensor:
        fit = queries @ keys.transpose(1, 2) / keys.shape[-1] ** 0.5  # (B, Q, T)
        weights = fit.clamp(max=6.0).exp() * known
        same = (items.unsqueeze(1) == items.unsqueeze(2)).to(weights.dtype)  # (B, T, T)
        first = same.tril(-1).sum(dim=-1) == 0  # (B, T)
        added: Tensor = self.scale * torch.log1p(weights @ same) * (known * first.unsqueeze(1))
        return added
