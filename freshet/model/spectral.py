"""Where item vectors start: what is met by the same shoppers lies together before the first step.

A truncated singular value decomposition of shopper × item, found by randomised subspace iteration (Halko, Martinsson
and Tropp 2011). It costs a second and saves the epochs in which co-occurrence is learned one gradient at a time.
"""

import warnings

import numpy as np
import torch
from torch import Tensor

from freshet.columns import RETURN_CODE
from freshet.history import Ints
from freshet.model.corpus import Corpus

FADE = 0.25  # power of an item's popularity that is divided out: best-sellers go with everything
ROUNDS = 5
SPARE = 8  # directions more than needed, for accuracy


def start_vectors(corpus: Corpus, items: int, size: int, seed: int) -> Tensor:
    """(V + 1, size) with row 0 zeros and a mean squared length of 1; columns beyond the data's rank are zeros."""
    shopper, item = _incidence(corpus, items)
    basis = _subspace(shopper, item, items, size, seed)
    out = torch.zeros((items + 1, size))
    out[:, : min(size, basis.shape[1])] = basis[:, :size]
    out[0] = 0
    # The square root of the length keeps rare items from vanishing beside best-sellers.
    out /= out.norm(dim=1, keepdim=True).clamp(min=1e-9).sqrt()
    scale: Tensor = out[1:].norm(dim=1).pow(2).mean().sqrt().clamp(min=1e-9)
    return out / scale


def start_biases(corpus: Corpus, items: int) -> Tensor:
    """(V + 1,) log(1 + how often the item was a target): the score of a shopper of whom nothing is known."""
    return torch.from_numpy(np.bincount(corpus.targets, minlength=items + 1)).float().log1p()


def _subspace(shopper: Tensor, item: Tensor, items: int, size: int, seed: int) -> Tensor:
    """(V + 1, rank) the leading right singular vectors of the weighted shopper × item matrix."""
    count = int(shopper.max()) + 1
    popular = torch.bincount(item, minlength=items + 1).clamp(min=1).float()
    sizes = torch.bincount(shopper, minlength=count).clamp(min=1).float()
    values = popular[item] ** -FADE * sizes[shopper] ** -0.5
    across = _sparse(shopper, item, values, (count, items + 1))
    back = _sparse(item, shopper, values, (items + 1, count))
    generator = torch.Generator().manual_seed(seed)
    basis = torch.randn((items + 1, min(size + SPARE, items, count)), generator=generator)
    for _ in range(ROUNDS):
        basis = torch.linalg.qr(back @ (across @ basis)).Q
    turn: Tensor = torch.linalg.svd(across @ basis, full_matrices=False).Vh
    return basis @ turn.T


def _sparse(rows: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    """Compressed by row, ten times faster to multiply than coordinates; torch calls it beta and says so every time."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse", category=UserWarning)
        return torch.sparse_coo_tensor(torch.stack([rows, columns]), values, shape).coalesce().to_sparse_csr()


def _incidence(corpus: Corpus, items: int) -> tuple[Tensor, Tensor]:
    """(shopper, item), each pair once, of everything that was not sent back."""
    owners: Ints = np.repeat(np.arange(len(corpus.lengths)), corpus.lengths)
    met = corpus.types != RETURN_CODE
    pairs = np.unique(owners[met] * (items + 1) + corpus.items[met])
    return torch.from_numpy(pairs // (items + 1)), torch.from_numpy(pairs % (items + 1))
