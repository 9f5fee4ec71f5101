"""Content refit: after training, ridge regression of the item embeddings on the item content.

Training splits an item's embedding between its id and its content, without an incentive that content alone is
meaningful. So the content weights are fitted again by ridge regression (Hoerl and Kennard 1970) to the trained
embeddings, and the id embeddings take up the difference. The embeddings of observed items stay the same, up to
rounding; an item that was not observed gets the embedding of items with similar content, including the bias.

Shapes: V items, E length of an item embedding. PAD = 0.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, cg
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from freshet.data.columns import PAD
from freshet.model.transformer import Recommender

RIDGE = 0.003  # weak: a stronger one predicts embeddings better, but ranks new items worse (docs/items.md)
SHRINKAGE_EVENTS = 5.0  # an item with this many events has half the weight of one with very many
CG_ITERATIONS = 40
CG_TOLERANCE = 1e-6  # norm of the residual

Floats = NDArray[np.float32]


def refit_content(model: Recommender, item_events: Tensor) -> Recommender:
    """Refit the content weights and return the model. item_events: (V + 1,) training events of each item."""
    # With id_dropout, training itself makes content meaningful without ids, which is better.
    if not model.config.item_schema or model.config.id_dropout or not model.observed_items.any():
        return model
    was_training = model.training
    model.eval()
    with torch.no_grad():
        targets = model.item_embeddings()  # (V + 1, E)
    item_weights = item_events / (item_events + SHRINKAGE_EVENTS) * model.observed_items  # (V + 1,)
    _set_weights(model, _solve_ridge(model, targets, item_weights))
    with torch.no_grad():
        model.item_encoder.ids.weight.copy_((targets - _content_embeddings(model)) * model.observed_items[:, None])
        model.item_encoder.ids.weight[PAD].zero_()
    return model.train(was_training)


def _solve_ridge(model: Recommender, targets: Tensor, item_weights: Tensor) -> Floats:
    """Return the content weights that minimise Σ item_weights · |content − targets|² + RIDGE · |weights|².

    The normal equations are solved by conjugate gradients. Content embeddings are linear in the content weights, so
    autograd gives the product with the transposed matrix.
    """

    def normal_product(weights: Floats) -> Floats:
        _set_weights(model, weights)
        with torch.no_grad():
            predicted = _content_embeddings(model)
        return _transposed_product(model, predicted * item_weights[:, None]) + RIDGE * weights

    right_side = _transposed_product(model, targets * item_weights[:, None])
    size = len(right_side)
    matrix = LinearOperator((size, size), matvec=normal_product, dtype=np.float32)
    solution, _ = cg(matrix, right_side, rtol=0.0, atol=CG_TOLERANCE, maxiter=CG_ITERATIONS)
    return np.asarray(solution, dtype=np.float32)


def _content_embeddings(model: Recommender) -> Tensor:
    """(V + 1, E) item embeddings from content only, before normalisation; linear in the content weights."""
    contents = (model.get_buffer(f"content_{field.name}") for field in model.config.item_schema)
    return model.item_encoder.raw_embeddings(torch.zeros_like(model.item_indices()), *contents)


def _transposed_product(model: Recommender, errors: Tensor) -> Floats:
    """Return the transpose of `_content_embeddings` times `errors` (V + 1, E), as a flat vector of weights."""
    with torch.enable_grad():
        gradients = torch.autograd.grad(_content_embeddings(model), _weights(model), grad_outputs=errors)
    product: Floats = parameters_to_vector(gradients).cpu().numpy()
    return product


def _weights(model: Recommender) -> list[Tensor]:
    return [weight for field in model.item_encoder.fields for weight in field.parameters()]


@torch.no_grad()
def _set_weights(model: Recommender, values: Floats) -> None:
    weights = _weights(model)
    parts = torch.split(torch.from_numpy(values), [weight.numel() for weight in weights])
    for weight, part in zip(weights, parts, strict=True):
        weight.copy_(part.view_as(weight))
