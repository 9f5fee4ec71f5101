"""The item encoder: from what the catalogue says of an item to its vector.

Shapes: n items, W words of a text, D numbers of a catalogue's vector, M members with P numbers each, E = M · P + 1
numbers of an item's vector, the last of which is the item's bias. PAD = 0.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from freshet.codes import TITLE_WORDS
from freshet.columns import PAD
from freshet.item_inputs import Field
from freshet.model.params import ModelConfig


class ItemEncoder(nn.Module):
    """What an item is: its id, and every field of the schema; PAD is zeros.

    The start is in the ids; content starts at nothing and is learned as what explains them.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size = config.numbers
        self.members, self.vector = config.members, config.vector
        self.kinds = tuple(field.kind for field in config.inputs)
        self.ids = nn.Embedding(config.items + 1, size, padding_idx=PAD)
        self.fields = nn.ModuleList(_reader(field, size) for field in config.inputs)

    def forward(self, items: Tensor, *content: Tensor) -> Tensor:
        """items (n,), then each field of the schema in its order -> (n, E). items = 0: known by content only.

        Each member's vector has length 1, so that no item is shown for its length alone; the bias says how much it is
        asked for.
        """
        directions, biases = self.parts(items, *content)
        return torch.cat([directions.flatten(1), biases], dim=1)

    def parts(self, items: Tensor, *content: Tensor) -> tuple[Tensor, Tensor]:
        """The same, not yet joined: (n, M, P) every member's vectors, and (n, 1) biases."""
        sums = self.sums(items, *content)  # (n, E)
        # Split: the way back joins once, where slices would fill a table of zeros each.
        vectors, biases = torch.split(sums, [self.members * self.vector, 1], dim=1)
        return F.normalize(vectors.reshape(-1, self.members, self.vector), dim=-1), biases

    def sums(self, items: Tensor, *content: Tensor) -> Tensor:
        """The same before lengths are made 1: (n, E), linear in every table."""
        vectors: Tensor = self.ids(items)
        for kind, read, values in zip(self.kinds, self.fields, content, strict=True):
            # words: (n, W) -> (n, E); vector: (n, D) -> (n, E); else (n,) -> (n, E)
            vectors = vectors + (_mean_of_words(read, values) if kind == "words" else read(values))
        return vectors

    def forget_content(self) -> None:
        """Content says nothing, as before the first step."""
        for read in self.fields:
            assert isinstance(read, nn.Embedding | nn.Linear)
            nn.init.zeros_(read.weight)


def _reader(field: Field, size: int) -> nn.Module:
    if field.kind == "vector":
        return nn.Linear(field.size, size, bias=False)
    return nn.Embedding(field.size, size, padding_idx=PAD)


def _mean_of_words(read: nn.Module, values: Tensor) -> Tensor:
    """(n, W) -> (n, E) the mean of the words that are there."""
    assert isinstance(read, nn.Embedding)
    if torch.compiler.is_exporting():  # ONNX has no bag; training has no time for (n, W, E)
        there = (values != PAD).unsqueeze(-1)  # (n, W, 1)
        mean: Tensor = (read(values) * there).sum(dim=1) / there.sum(dim=1).clamp(min=1)
        return mean
    return F.embedding_bag(values, read.weight, mode="mean", padding_idx=PAD)


def unknown(field: Field, items: int) -> Tensor:
    """The field's values for so many items of which the catalogue says nothing."""
    shape = {"words": (items, TITLE_WORDS), "vector": (items, field.size)}.get(field.kind, (items,))
    return torch.zeros(shape, dtype=torch.float32 if field.kind == "vector" else torch.int64)
