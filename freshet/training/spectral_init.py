"""Where item vectors start: what is met by the same shoppers lies together before the first step.

A truncated singular value decomposition of shopper × item, found by randomised subspace iteration (Halko, Martinsson
and Tropp 2011). It costs a second and saves the epochs in which co-occurrence is learned one gradient at a time.
"""

import warnings

import numpy as np
import torch
from torch import Tensor

from freshet.data.columns import RETURN_TYPE_CODE
from freshet.data.history import Ints
from freshet.training.dataset import TrainingDataset

POPULARITY_EXPONENT = 0.25  # power of an item's popularity that is divided out: best-sellers go with everything
POWER_ITERATIONS = 5
OVERSAMPLED_DIMS = 8  # directions more than needed, for accuracy


def init_embeddings(dataset: TrainingDataset, n_items: int, dim: int, seed: int) -> Tensor:
    """(V + 1, size) with row 0 zeros and a mean squared length of 1; columns beyond the data's rank are zeros."""
    shopper, item = _shopper_item_pairs(dataset, n_items)
    basis = _right_singular_vectors(shopper, item, n_items, dim, seed)
    embeddings = torch.zeros((n_items + 1, dim))
    embeddings[:, : min(dim, basis.shape[1])] = basis[:, :dim]
    embeddings[0] = 0
    # The square root of the length keeps rare items from vanishing beside best-sellers.
    embeddings /= embeddings.norm(dim=1, keepdim=True).clamp(min=1e-9).sqrt()
    scale: Tensor = embeddings[1:].norm(dim=1).pow(2).mean().sqrt().clamp(min=1e-9)
    return embeddings / scale


def init_biases(dataset: TrainingDataset, n_items: int) -> Tensor:
    """(V + 1,) log(1 + how often the item was a target): the score of a shopper of whom nothing is known."""
    return torch.from_numpy(np.bincount(dataset.targets, minlength=n_items + 1)).float().log1p()


def _right_singular_vectors(shopper: Tensor, item: Tensor, n_items: int, dim: int, seed: int) -> Tensor:
    """(V + 1, rank) the leading right singular vectors of the weighted shopper × item matrix."""
    n_shoppers = int(shopper.max()) + 1
    item_counts = torch.bincount(item, minlength=n_items + 1).clamp(min=1).float()
    shopper_counts = torch.bincount(shopper, minlength=n_shoppers).clamp(min=1).float()
    values = item_counts[item] ** -POPULARITY_EXPONENT * shopper_counts[shopper] ** -0.5
    shopper_by_item = _sparse_matrix(shopper, item, values, (n_shoppers, n_items + 1))
    item_by_shopper = _sparse_matrix(item, shopper, values, (n_items + 1, n_shoppers))
    generator = torch.Generator().manual_seed(seed)
    basis = torch.randn((n_items + 1, min(dim + OVERSAMPLED_DIMS, n_items, n_shoppers)), generator=generator)
    for _ in range(POWER_ITERATIONS):
        basis = torch.linalg.qr(item_by_shopper @ (shopper_by_item @ basis)).Q
    rotation: Tensor = torch.linalg.svd(shopper_by_item @ basis, full_matrices=False).Vh
    return basis @ rotation.T


def _sparse_matrix(rows: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    """Compressed by row, ten times faster to multiply than coordinates; torch calls it beta and says so every time."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse", category=UserWarning)
        return torch.sparse_coo_tensor(torch.stack([rows, columns]), values, shape).coalesce().to_sparse_csr()


def _shopper_item_pairs(dataset: TrainingDataset, n_items: int) -> tuple[Tensor, Tensor]:
    """(shopper, item), each pair once, of everything that was not sent back."""
    shopper_index: Ints = np.repeat(np.arange(len(dataset.lengths)), dataset.lengths)
    mask = dataset.types != RETURN_TYPE_CODE
    pairs = np.unique(shopper_index[mask] * (n_items + 1) + dataset.items[mask])
    return torch.from_numpy(pairs // (n_items + 1)), torch.from_numpy(pairs % (n_items + 1))
