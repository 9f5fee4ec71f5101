"""The model: an item encoder and an ensemble of causal transformers over a shopper's events.

An item's score has two parts: the dot product of shopper and item embedding, and, for items of the history, a score for
repeats from repeat attention, a pointer network as in Vinyals et al. 2015.

The model is a deep ensemble (Lakshminarayanan et al. 2017): several transformers, each with item embeddings of its own,
whose scores are averaged. Each member has its own loss and its own part of every batch, so that their errors differ.
From outside it is one model with longer embeddings, the members' embeddings concatenated.

Shapes: N packed events, B histories, T events in a padded history, H heads, D hidden_dim, M members, P embedding_dim of
a member, E = M · P + 1 (the last number of an item embedding is its bias, that of a shopper embedding is 1), V items.
PAD = 0.
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
    """Self-attention and a two-layer feed-forward network, each with a residual connection (pre-norm)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.n_heads = config.n_heads
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
        q, k, v = qkv.unflatten(-1, (3, self.n_heads, -1)).unbind(-3)  # each (…, H, D / H)
        x = x + self.dropout(self.attention_out(attend(q, k, v).flatten(-2)))  # (…, H, D / H) -> (…, D)
        hidden = F.gelu(self.network_in(self.network_norm(x)))  # (…, 4 D)
        out: Tensor = x + self.dropout(self.network_out(hidden))  # (…, D)
        return out


class ShopperEncoder(nn.Module):
    """A member of the ensemble: a causal transformer that encodes a shopper's history after every event."""

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
        # Scale of the cosine of shopper and item: 16 for P = 128. Cosines of random vectors have the standard deviation
        # 1 / sqrt(P), so initial scores have sqrt(2). A learned scale grows until the model is overconfident.
        self.logit_scale = (2 * config.embedding_dim) ** 0.5
        self.repeat_attention = RepeatAttention(config.hidden_dim)

    def forward(self, items: Tensor, types: Tensor, gaps: Tensor, positions: Tensor, attend: AttentionFn) -> Tensor:
        """items (…, P) embeddings; types, gaps, positions (…) -> (…, D)."""
        x = self.item_projection(items) + self.types(types) + self.gaps(gaps) + self.positions(positions)  # (…, D)
        x = self.dropout(self.start_norm(x))
        for block in self.blocks:
            x = block(x, attend)
        normed: Tensor = self.norm(x)
        return normed

    def project(self, encoded: Tensor) -> Tensor:
        """(…, D) -> (…, P): the shopper embedding, to be multiplied with the member's item embeddings."""
        embeddings: Tensor = self.logit_scale * F.normalize(self.out(encoded), dim=-1)
        return embeddings


@dataclass(frozen=True)
class EnsembleMember:
    """One of the transformers, with its item embeddings."""

    encoder: ShopperEncoder
    item_embeddings: Tensor  # (n, P)
    item_biases: Tensor  # (n,) the same for all members


class Recommender(nn.Module):
    """The built-in model: one item encoder and the shopper encoders of the ensemble."""

    observed_items: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.item_encoder = ItemEncoder(config)
        self.shopper_encoders = nn.ModuleList(ShopperEncoder(config) for _ in range(config.ensemble_size))
        for field in config.item_schema:
            self.register_buffer(f"content_{field.name}", empty_content(field, config.n_items + 1))
        self.register_buffer("observed_items", torch.ones(config.n_items + 1, dtype=torch.bool))
        self.apply(_init_weights)
        for encoder in encoders(self.shopper_encoders):
            for projection in (encoder.item_projection, encoder.out):  # keeps the lengths of item embeddings
                nn.init.orthogonal_(projection.weight)
        self.item_encoder.zero_content()

    def load_content(self, content: EncodedItems) -> "Recommender":
        """Store the encoded item attributes, row 0 = PAD, and return the model."""
        for name, values in content.features.items():
            self.get_buffer(f"content_{name}").copy_(torch.from_numpy(values))
        return self

    def set_observed_items(self, observed_items: Tensor) -> "Recommender":
        """Store which items (V + 1,) occur in training and return the model; others are embedded from content only."""
        self.observed_items.copy_(observed_items)
        return self

    def init_item_embeddings(self, vectors: Tensor, biases: Tensor) -> "Recommender":
        """Set the initial item embeddings (V + 1, M · P) and biases (V + 1,) and return the model."""
        with torch.no_grad():
            self.item_encoder.ids.weight.copy_(torch.cat([vectors, biases.unsqueeze(1)], dim=1))
            self.item_encoder.ids.weight[PAD].zero_()
        return self

    def item_embeddings(self) -> Tensor:
        """(V + 1, E) of the vocabulary; row 0 is zeros."""
        embeddings: Tensor = self.item_encoder(*self.item_features())
        return embeddings

    def ensemble(self, item_subset: Tensor | None = None) -> Iterator[EnsembleMember]:
        """Yield the members with their embeddings of all items, or of `item_subset` (S,).

        In training with `config.id_dropout`, a random share of the items is embedded from content only, so that content
        alone becomes meaningful and comparable with the embeddings of frequent items.
        """
        indices, *contents = self.item_features(item_subset)
        if self.training and self.config.id_dropout and self.config.item_schema:
            indices = indices * (torch.rand(len(indices), device=indices.device) >= self.config.id_dropout)
        directions, biases = self.item_encoder.member_embeddings(indices, *contents)
        for encoder, table in zip(encoders(self.shopper_encoders), directions.unbind(1), strict=True):
            yield EnsembleMember(encoder, table, biases.squeeze(1))

    def item_features(self, item_subset: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the inputs of the item encoder for all items or a subset: indices, then each input of the schema."""
        contents = (self.get_buffer(f"content_{field.name}") for field in self.config.item_schema)
        if item_subset is None:
            return self.item_indices(), *contents
        return item_subset * self.observed_items[item_subset], *(content[item_subset] for content in contents)

    def item_indices(self) -> Tensor:
        """(V + 1,) the index of each item for the item encoder: 0 for an item that does not occur in training."""
        return torch.arange(len(self.observed_items), device=self.observed_items.device) * self.observed_items


def encoders(modules: nn.ModuleList) -> Iterator[ShopperEncoder]:
    """Return the members of the ensemble, in order."""
    return (encoder for encoder in modules if isinstance(encoder, ShopperEncoder))


def _init_weights(module: nn.Module) -> None:
    """Initialise a layer with small normal weights and zero biases."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.Embedding) and module.padding_idx is not None:
        with torch.no_grad():
            module.weight[module.padding_idx].zero_()
