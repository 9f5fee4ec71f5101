"""Spectral initialisation of item embeddings: items with the same shoppers start close to each other.

A truncated singular value decomposition of the shopper × item matrix by randomised subspace iteration (Halko,
Martinsson and Tropp 2011). It takes a second and saves the epochs that would learn co-occurrence by gradient descent.
"""

import warnings

import numpy as np
import torch
from torch import Tensor

from freshet.data.columns import RETURN_TYPE_CODE
from freshet.data.history import Ints
from freshet.training.dataset import TrainingDataset

POPULARITY_EXPONENT = 0.25  # an item's popularity to this power is divided out: bestsellers co-occur with all items
POWER_ITERATIONS = 5
OVERSAMPLED_DIMS = 8  # extra dimensions of the subspace, for accuracy


def init_embeddings(dataset: TrainingDataset, n_items: int, dim: int, seed: int) -> Tensor:
    """Return (V + 1, dim) item embeddings with zeros in row 0 and a mean squared length of 1.

    Columns beyond the rank of the data are zeros.
    """
    shopper, item = _shopper_item_pairs(dataset, n_items)
    basis = _right_singular_vectors(shopper, item, n_items, dim, seed)
    embeddings = torch.zeros((n_items + 1, dim))
    embeddings[:, : min(dim, basis.shape[1])] = basis[:, :dim]
    embeddings[0] = 0
    # Dividing by the root of the length keeps rare items from vanishing beside bestsellers.
    embeddings /= embeddings.norm(dim=1, keepdim=True).clamp(min=1e-9).sqrt()
    scale: Tensor = embeddings[1:].norm(dim=1).pow(2).mean().sqrt().clamp(min=1e-9)
    return embeddings / scale


def init_biases(dataset: TrainingDataset, n_items: int) -> Tensor:
    """Return (V + 1,) log(1 + number of times the item is a target): the scores for a shopper without history."""
    return torch.from_numpy(np.bincount(dataset.targets, minlength=n_items + 1)).float().log1p()


def _right_singular_vectors(shopper: Tensor, item: Tensor, n_items: int, dim: int, seed: int) -> Tensor:
    """Return (V + 1, rank): the leading right singular vectors of the weighted shopper × item matrix."""
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
    """Return a CSR matrix, ten times faster to multiply than COO; torch's beta warning is silenced."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse", category=UserWarning)
        return torch.sparse_coo_tensor(torch.stack([rows, columns]), values, shape).coalesce().to_sparse_csr()


def _shopper_item_pairs(dataset: TrainingDataset, n_items: int) -> tuple[Tensor, Tensor]:
    """Return the distinct (shopper, item) pairs of all events but returns."""
    shopper_index: Ints = np.repeat(np.arange(len(dataset.lengths)), dataset.lengths)
    mask = dataset.types != RETURN_TYPE_CODE
    pairs = np.unique(shopper_index[mask] * (n_items + 1) + dataset.items[mask])
    return torch.from_numpy(pairs // (n_items + 1)), torch.from_numpy(pairs % (n_items + 1))
