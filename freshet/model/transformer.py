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

from freshet.data.columns import PAD
from freshet.data.item_encoding import EncodedItems
from freshet.model.attention import AttentionFn
from freshet.model.dropout import Dropout
from freshet.model.item_encoder import ItemEncoder, empty_content
from freshet.model.params import ModelConfig
from freshet.model.repeat_attention import RepeatAttention


class TransformerBlock(nn.Module):
    """Attention, then a two-layer network, each on top of a residual (pre-norm)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.n_heads
        self.attention_norm = nn.LayerNorm(config.hidden_dim)
        self.queries_keys_values = nn.Linear(config.hidden_dim, 3 * config.hidden_dim, bias=False)
        self.attention_out = nn.Linear(config.hidden_dim, config.hidden_dim, bias=False)
        self.network_norm = nn.LayerNorm(config.hidden_dim)
        self.network_in = nn.Linear(config.hidden_dim, 4 * config.hidden_dim)
        self.network_out = nn.Linear(4 * config.hidden_dim, config.hidden_dim)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, attend: AttentionFn) -> Tensor:
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
        self.item_projection = nn.Linear(config.embedding_dim, config.hidden_dim, bias=False)
        self.types = nn.Embedding(config.n_event_types + 1, config.hidden_dim, padding_idx=PAD)
        self.gaps = nn.Embedding(config.n_gap_buckets, config.hidden_dim)
        self.positions = nn.Embedding(config.max_history, config.hidden_dim)
        self.start_norm = nn.LayerNorm(config.hidden_dim)
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(TransformerBlock(config) for _ in range(config.n_layers))
        self.norm = nn.LayerNorm(config.hidden_dim)
        self.out = nn.Linear(config.hidden_dim, config.embedding_dim)
        # What the cosine of shopper and item is multiplied with: 16 for 128 numbers. Cosines of vectors that know
        # nothing have the deviation 1 / sqrt(P), so scores begin with that of sqrt(2). Learned, the factor grows
        # until the model is too sure of itself.
        self.logit_scale = (2 * config.embedding_dim) ** 0.5
        self.repeat_attention = RepeatAttention(config.hidden_dim)

    def forward(self, items: Tensor, types: Tensor, gaps: Tensor, positions: Tensor, attend: AttentionFn) -> Tensor:
        """items (…, P) vectors; types, gaps, positions (…) -> (…, D)."""
        x = (
            self.item_projection(items) + self.types(types) + self.gaps(gaps) + self.positions(positions)
        )  # (…, P) -> (…, D)
        x = self.dropout(self.start_norm(x))
        for block in self.blocks:
            x = block(x, attend)
        normed: Tensor = self.norm(x)
        return normed

    def project(self, encoded: Tensor) -> Tensor:
        """(…, D) -> (…, P): what is multiplied with the member's item vectors."""
        embeddings: Tensor = self.logit_scale * F.normalize(self.out(encoded), dim=-1)
        return embeddings


@dataclass(frozen=True)
class EnsembleMember:
    """One of the transformers, with its part of n item vectors."""

    encoder: ShopperEncoder
    item_embeddings: Tensor  # (n, P)
    item_biases: Tensor  # (n,) everybody's


class Recommender(nn.Module):
    """The item encoder and the members' shopper encoders over one catalogue."""

    observed_items: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.item_encoder = ItemEncoder(config)
        self.shopper_encoders = nn.ModuleList(ShopperEncoder(config) for _ in range(config.ensemble_size))
        for field in config.item_schema:
            self.register_buffer(f"content_{field.name}", empty_content(field, config.n_items + 1))
        self.register_buffer("met", torch.ones(config.n_items + 1, dtype=torch.bool))
        self.apply(_init_weights)
        for encoder in encoders(self.shopper_encoders):
            for projection in (encoder.item_projection, encoder.out):  # an item's vector comes through as it is
                nn.init.orthogonal_(projection.weight)
        self.item_encoder.zero_content()

    def load_content(self, content: EncodedItems) -> "Recommender":
        """The same model with the catalogue's content, row 0 = PAD, filled in."""
        for name, values in content.features.items():
            self.get_buffer(f"content_{name}").copy_(torch.from_numpy(values))
        return self

    def set_observed_items(self, observed_items: Tensor) -> "Recommender":
        """The same model, told which items (V + 1,) it learns from; all others it knows by their content only."""
        self.observed_items.copy_(observed_items)
        return self

    def init_item_embeddings(self, vectors: Tensor, biases: Tensor) -> "Recommender":
        """The same model with item vectors (V + 1, M · P) and biases (V + 1,) to start from."""
        with torch.no_grad():
            self.item_encoder.ids.weight.copy_(torch.cat([vectors, biases.unsqueeze(1)], dim=1))
            self.item_encoder.ids.weight[PAD].zero_()
        return self

    def item_embeddings(self) -> Tensor:
        """(V + 1, E) of the whole vocabulary; row 0 is zeros."""
        embeddings: Tensor = self.item_encoder(*self.item_features())
        return embeddings

    def ensemble(self, item_subset: Tensor | None = None) -> Iterator[EnsembleMember]:
        """Every member with its part of all item vectors, or of those of the chosen items (S,).

        In training some items are known by their content only, others in every batch, so that content alone learns
        to say what an item is, and how it compares with items that are known well.
        """
        indices, *contents = self.item_features(item_subset)
        if self.training and self.config.id_dropout and self.config.item_schema:
            indices = indices * (torch.rand(len(indices), device=indices.device) >= self.config.id_dropout)
        directions, biases = self.item_encoder.member_embeddings(indices, *contents)
        for encoder, table in zip(encoders(self.shopper_encoders), directions.unbind(1), strict=True):
            yield EnsembleMember(encoder, table, biases.squeeze(1))

    def item_features(self, item_subset: Tensor | None = None) -> tuple[Tensor, ...]:
        """What the item encoder reads of all items, or of the chosen ones: numbers, then each field of the schema."""
        contents = (self.get_buffer(f"content_{field.name}") for field in self.config.item_schema)
        if item_subset is None:
            return self.item_indices(), *contents
        return item_subset * self.observed_items[item_subset], *(content[item_subset] for content in contents)

    def item_indices(self) -> Tensor:
        """(V + 1,) each item's index as the item encoder shall read it: 0 for one it has not learned from."""
        return torch.arange(len(self.observed_items), device=self.observed_items.device) * self.observed_items


def encoders(modules: nn.ModuleList) -> Iterator[ShopperEncoder]:
    """The members, in order."""
    return (encoder for encoder in modules if isinstance(encoder, ShopperEncoder))


def _init_weights(module: nn.Module) -> None:
    """Small normal weights, zero biases. Ids start smaller than content: an item is its content until it is known."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.Embedding) and module.padding_idx is not None:
        with torch.no_grad():
            module.weight[module.padding_idx].zero_()
