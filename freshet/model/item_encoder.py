"""The item encoder: from what the catalogue says of an item to its vector.

Shapes: n items, W words of a text, D numbers of a catalogue's vector, M members with P numbers each, E = M · P + 1
numbers of an item's vector, the last of which is the item's bias. PAD = 0.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from freshet.data.columns import PAD
from freshet.data.hashing import MAX_TITLE_WORDS
from freshet.item_schema import ItemFeature
from freshet.model.params import ModelConfig


class ItemEncoder(nn.Module):
    """What an item is: its id, and every field of the schema; PAD is zeros.

    The start is in the ids; content starts at nothing and is learned as what explains them.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        dim = config.item_dim
        self.ensemble_size, self.embedding_dim = config.ensemble_size, config.embedding_dim
        self.kinds = tuple(field.kind for field in config.item_schema)
        self.ids = nn.Embedding(config.n_items + 1, dim, padding_idx=PAD)
        self.fields = nn.ModuleList(_field_encoder(field, dim) for field in config.item_schema)

    def forward(self, items: Tensor, *content: Tensor) -> Tensor:
        """items (n,), then each field of the schema in its order -> (n, E). items = 0: known by content only.

        Each member's vector has length 1, so that no item is shown for its length alone; the bias says how much it is
        asked for.
        """
        directions, biases = self.member_embeddings(items, *content)
        return torch.cat([directions.flatten(1), biases], dim=1)

    def member_embeddings(self, items: Tensor, *content: Tensor) -> tuple[Tensor, Tensor]:
        """The same, not yet joined: (n, M, P) every member's vectors, and (n, 1) biases."""
        raw = self.raw_embeddings(items, *content)  # (n, E)
        # Split: the way back joins once, where slices would fill a table of zeros each.
        vectors, biases = torch.split(raw, [self.ensemble_size * self.embedding_dim, 1], dim=1)
        return F.normalize(vectors.reshape(-1, self.ensemble_size, self.embedding_dim), dim=-1), biases

    def raw_embeddings(self, items: Tensor, *content: Tensor) -> Tensor:
        """The same before lengths are made 1: (n, E), linear in every table."""
        embeddings: Tensor = self.ids(items)
        for kind, layer, values in zip(self.kinds, self.fields, content, strict=True):
            # words: (n, W) -> (n, E); vector: (n, D) -> (n, E); else (n,) -> (n, E)
            embeddings = embeddings + (_mean_of_words(layer, values) if kind == "words" else layer(values))
        return embeddings

    def zero_content(self) -> None:
        """Content says nothing, as before the first step."""
        for layer in self.fields:
            assert isinstance(layer, nn.Embedding | nn.Linear)
            nn.init.zeros_(layer.weight)


def _field_encoder(field: ItemFeature, dim: int) -> nn.Module:
    if field.kind == "vector":
        return nn.Linear(field.size, dim, bias=False)
    return nn.Embedding(field.size, dim, padding_idx=PAD)


def _mean_of_words(embedding: nn.Module, values: Tensor) -> Tensor:
    """(n, W) -> (n, E) the mean of the words that are there."""
    assert isinstance(embedding, nn.Embedding)
    if torch.compiler.is_exporting():  # ONNX has no bag; training has no time for (n, W, E)
        mask = (values != PAD).unsqueeze(-1)  # (n, W, 1)
        mean: Tensor = (embedding(values) * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
        return mean
    return F.embedding_bag(values, embedding.weight, mode="mean", padding_idx=PAD)


def empty_content(field: ItemFeature, n_items: int) -> Tensor:
    """The field's values for so many items of which the catalogue says nothing."""
    shape = {"words": (n_items, MAX_TITLE_WORDS), "vector": (n_items, field.size)}.get(field.kind, (n_items,))
    return torch.zeros(shape, dtype=torch.float32 if field.kind == "vector" else torch.int64)
