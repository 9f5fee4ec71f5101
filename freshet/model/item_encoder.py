"""The item encoder: from an item's index and its attributes in the catalogue to its embedding.

Shapes: n items, W words of a text, D length of a content embedding, M ensemble members with P numbers each,
E = M · P + 1 numbers of an item embedding, the last of which is the item's bias. PAD = 0.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from freshet.data.columns import PAD
from freshet.data.hashing import MAX_TITLE_WORDS
from freshet.item_schema import ItemFeature
from freshet.model.params import ModelConfig


class ItemEncoder(nn.Module):
    """The sum of an id embedding and an embedding of every input of the schema; zeros for PAD.

    Content weights start at zero and are learned beside the id embeddings.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        dim = config.item_dim
        self.ensemble_size, self.embedding_dim = config.ensemble_size, config.embedding_dim
        self.kinds = tuple(field.kind for field in config.item_schema)
        self.ids = nn.Embedding(config.n_items + 1, dim, padding_idx=PAD)
        self.fields = nn.ModuleList(_field_encoder(field, dim) for field in config.item_schema)

    def forward(self, items: Tensor, *content: Tensor) -> Tensor:
        """items (n,), then each input of the schema in order -> (n, E). items = 0: from content only.

        Each member's embedding is normalised to length 1, so that the popularity of an item is in its bias only.
        """
        directions, biases = self.member_embeddings(items, *content)
        return torch.cat([directions.flatten(1), biases], dim=1)

    def member_embeddings(self, items: Tensor, *content: Tensor) -> tuple[Tensor, Tensor]:
        """Like `forward`, but separately: (n, M, P) the members' embeddings and (n, 1) biases."""
        raw = self.raw_embeddings(items, *content)  # (n, E)
        # torch.split has a cheaper backward pass than slices, each of which would fill a table of zeros.
        vectors, biases = torch.split(raw, [self.ensemble_size * self.embedding_dim, 1], dim=1)
        return F.normalize(vectors.reshape(-1, self.ensemble_size, self.embedding_dim), dim=-1), biases

    def raw_embeddings(self, items: Tensor, *content: Tensor) -> Tensor:
        """Like `forward`, but before normalisation: (n, E), linear in all weights."""
        embeddings: Tensor = self.ids(items)
        for kind, layer, values in zip(self.kinds, self.fields, content, strict=True):
            # words: (n, W) -> (n, E); vector: (n, D) -> (n, E); else (n,) -> (n, E)
            embeddings = embeddings + (_mean_of_words(layer, values) if kind == "words" else layer(values))
        return embeddings

    def zero_content(self) -> None:
        """Set the content weights to zero."""
        for layer in self.fields:
            assert isinstance(layer, nn.Embedding | nn.Linear)
            nn.init.zeros_(layer.weight)


def _field_encoder(field: ItemFeature, dim: int) -> nn.Module:
    if field.kind == "vector":
        return nn.Linear(field.size, dim, bias=False)
    return nn.Embedding(field.size, dim, padding_idx=PAD)


def _mean_of_words(embedding: nn.Module, values: Tensor) -> Tensor:
    """(n, W) -> (n, E): the mean embedding of the words, without padding."""
    assert isinstance(embedding, nn.Embedding)
    if torch.compiler.is_exporting():  # ONNX has no embedding bag; training uses it to avoid (n, W, E)
        mask = (values != PAD).unsqueeze(-1)  # (n, W, 1)
        mean: Tensor = (embedding(values) * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
        return mean
    return F.embedding_bag(values, embedding.weight, mode="mean", padding_idx=PAD)


def empty_content(field: ItemFeature, n_items: int) -> Tensor:
    """Return the values of a feature for `n_items` items without content."""
    shape = {"words": (n_items, MAX_TITLE_WORDS), "vector": (n_items, field.size)}.get(field.kind, (n_items,))
    return torch.zeros(shape, dtype=torch.float32 if field.kind == "vector" else torch.int64)
