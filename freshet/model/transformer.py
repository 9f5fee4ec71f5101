"""The model: item encoder, causal transformer over a shopper's events, and what scores all items.

An item's score has two parts: the shopper's vector times the item's vector (what goes with this history), and for items
of the history itself what the memory adds (what this shopper comes back to), a pointer as in Vinyals et al. 2015.

Several transformers with item vectors of their own learn side by side, and the mean of their scores counts: a deep
ensemble (Lakshminarayanan et al. 2017). Each has its own loss and its own part of every batch, so that they err
differently. To everybody else it is one model with longer vectors: what lies end to end is multiplied at once.

Shapes: N packed events, B histories, T events in a padded history, H heads, D width, M members, P numbers of a member's
vector, E = M · P + 1 (the last number of an item's vector is its bias; the last of a shopper's is 1), V items. PAD = 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from freshet.columns import PAD
from freshet.content import ItemContent
from freshet.model.attention import Attend
from freshet.model.dropout import Dropout
from freshet.model.items import ItemEncoder, unknown
from freshet.model.memory import Memory
from freshet.model.params import ModelConfig


class Block(nn.Module):
    """Attention, then a two-layer network, each on top of a residual (pre-norm)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.attention_norm = nn.LayerNorm(config.width)
        self.queries_keys_values = nn.Linear(config.width, 3 * config.width, bias=False)
        self.attention_out = nn.Linear(config.width, config.width, bias=False)
        self.network_norm = nn.LayerNorm(config.width)
        self.network_in = nn.Linear(config.width, 4 * config.width)
        self.network_out = nn.Linear(4 * config.width, config.width)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, attend: Attend) -> Tensor:
        """(…, D) -> (…, D)."""
        qkv = self.queries_keys_values(self.attention_norm(x))  # (…, 3 D)
        q, k, v = qkv.unflatten(-1, (3, self.heads, -1)).unbind(-3)  # each (…, H, D / H)
        x = x + self.dropout(self.attention_out(attend(q, k, v).flatten(-2)))  # (…, H, D / H) -> (…, D)
        hidden = F.gelu(self.network_in(self.network_norm(x)))  # (…, 4 D)
        out: Tensor = x + self.dropout(self.network_out(hidden))  # (…, D)
        return out


class ShopperEncoder(nn.Module):
    """A member: events of a shopper, in order -> at every event, what is known of the shopper right after it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.items = nn.Linear(config.vector, config.width, bias=False)
        self.types = nn.Embedding(config.types + 1, config.width, padding_idx=PAD)
        self.gaps = nn.Embedding(config.gap_buckets, config.width)
        self.positions = nn.Embedding(config.length, config.width)
        self.start_norm = nn.LayerNorm(config.width)
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.width)
        self.out = nn.Linear(config.width, config.vector)
        # What the cosine of shopper and item is multiplied with: 16 for 128 numbers. Cosines of vectors that know
        # nothing have the deviation 1 / sqrt(P), so scores begin with that of sqrt(2). Learned, the factor grows
        # until the model is too sure of itself.
        self.sharpness = (2 * config.vector) ** 0.5
        self.memory = Memory(config.width)

    def forward(self, items: Tensor, types: Tensor, gaps: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        """items (…, P) vectors; types, gaps, positions (…) -> (…, D)."""
        x = self.items(items) + self.types(types) + self.gaps(gaps) + self.positions(positions)  # (…, P) -> (…, D)
        x = self.dropout(self.start_norm(x))
        for block in self.blocks:
            x = block(x, attend)
        normed: Tensor = self.norm(x)
        return normed

    def vectors(self, encoded: Tensor) -> Tensor:
        """(…, D) -> (…, P): what is multiplied with the member's item vectors."""
        vectors: Tensor = self.sharpness * F.normalize(self.out(encoded), dim=-1)
        return vectors


@dataclass(frozen=True)
class Member:
    """One of the transformers, with its part of n item vectors."""

    encoder: ShopperEncoder
    table: Tensor  # (n, P)
    biases: Tensor  # (n,) everybody's


class Recommender(nn.Module):
    """The item encoder and the members' shopper encoders over one catalogue."""

    met: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.items = ItemEncoder(config)
        self.shoppers = nn.ModuleList(ShopperEncoder(config) for _ in range(config.members))
        for field in config.inputs:
            self.register_buffer(f"content_{field.name}", unknown(field, config.items + 1))
        self.register_buffer("met", torch.ones(config.items + 1, dtype=torch.bool))
        self.apply(_start)
        for encoder in encoders(self.shoppers):
            for turn in (encoder.items, encoder.out):  # an item's vector comes through as it is
                nn.init.orthogonal_(turn.weight)
        self.items.forget_content()

    def know(self, content: ItemContent) -> "Recommender":
        """The same model with the catalogue's content, row 0 = PAD, filled in."""
        for name, values in content.fields.items():
            self.get_buffer(f"content_{name}").copy_(torch.from_numpy(values))
        return self

    def meet(self, met: Tensor) -> "Recommender":
        """The same model, told which items (V + 1,) it learns from; all others it knows by their content only."""
        self.met.copy_(met)
        return self

    def begin(self, vectors: Tensor, biases: Tensor) -> "Recommender":
        """The same model with item vectors (V + 1, M · P) and biases (V + 1,) to start from."""
        with torch.no_grad():
            self.items.ids.weight.copy_(torch.cat([vectors, biases.unsqueeze(1)], dim=1))
            self.items.ids.weight[PAD].zero_()
        return self

    def item_vectors(self) -> Tensor:
        """(V + 1, E) of the whole vocabulary; row 0 is zeros."""
        vectors: Tensor = self.items(*self.described())
        return vectors

    def members(self, chosen: Tensor | None = None) -> Iterator[Member]:
        """Every member with its part of all item vectors, or of those of the chosen items (S,).

        In training some items are known by their content only, others in every batch, so that content alone learns
        to say what an item is, and how it compares with items that are known well.
        """
        numbers, *contents = self.described(chosen)
        if self.training and self.config.id_dropout and self.config.inputs:
            numbers = numbers * (torch.rand(len(numbers), device=numbers.device) >= self.config.id_dropout)
        directions, biases = self.items.parts(numbers, *contents)
        for encoder, table in zip(encoders(self.shoppers), directions.unbind(1), strict=True):
            yield Member(encoder, table, biases.squeeze(1))

    def described(self, chosen: Tensor | None = None) -> tuple[Tensor, ...]:
        """What the item encoder reads of all items, or of the chosen ones: numbers, then each field of the schema."""
        contents = (self.get_buffer(f"content_{field.name}") for field in self.config.inputs)
        if chosen is None:
            return self.numbers(), *contents
        return chosen * self.met[chosen], *(content[chosen] for content in contents)

    def numbers(self) -> Tensor:
        """(V + 1,) each item's index as the item encoder shall read it: 0 for one it has not learned from."""
        return torch.arange(len(self.met), device=self.met.device) * self.met


def encoders(shoppers: nn.ModuleList) -> Iterator[ShopperEncoder]:
    """The members, in order."""
    return (encoder for encoder in shoppers if isinstance(encoder, ShopperEncoder))


def _start(module: nn.Module) -> None:
    """Small normal weights, zero biases. Ids start smaller than content: an item is its content until it is known."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.Embedding) and module.padding_idx is not None:
        with torch.no_grad():
            module.weight[module.padding_idx].zero_()
