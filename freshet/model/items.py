"""The item encoder: from what the catalogue says of an item to its vector.

Shapes: n items, W words of a title, E = numbers of a vector, the last of which is the item's bias. PAD = 0.
"""

from torch import Tensor, nn

from freshet.columns import PAD
from freshet.model.params import ModelConfig


class ItemEncoder(nn.Module):
    """What an item is: its id, the words of its title, its category, its price band; PAD is zeros."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size = config.vector + 1
        self.ids = nn.Embedding(config.items + 1, size, padding_idx=PAD)
        self.words = nn.Embedding(config.words, size, padding_idx=PAD)
        self.categories = nn.Embedding(config.categories, size, padding_idx=PAD)
        self.price_bands = nn.Embedding(config.price_bands, size, padding_idx=PAD)

    def forward(self, items: Tensor, words: Tensor, categories: Tensor, price_bands: Tensor) -> Tensor:
        """items (n,), words (n, W), categories (n,), price_bands (n,) -> (n, E). items = 0: known by content only."""
        counts = (words != PAD).sum(dim=1, keepdim=True).clamp(min=1)  # (n, 1)
        title = self.words(words).sum(dim=1) / counts  # (n, W, E) -> (n, E)
        vectors: Tensor = self.ids(items) + title + self.categories(categories) + self.price_bands(price_bands)
        return vectors
