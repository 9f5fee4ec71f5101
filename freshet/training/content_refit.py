"""After training: content says as much of the item vectors as it can, and the ids keep the rest.

Training splits an item's vector between its id and its content as it comes, and has no reason to let content alone make
sense. So content is fitted once more, by ridge regression (Hoerl and Kennard 1970) of the trained vectors on what the
catalogue says; ids take up the difference. The vector of every item that was met stays as it was, to the last rounding;
an item that nobody has met gets the vector that items like it have, bias included.

Shapes: V items, E numbers of an item's vector. PAD = 0.
"""

import torch
from torch import Tensor

from freshet.data.columns import PAD
from freshet.model.transformer import Recommender

RIDGE = 0.003  # hardly any: a larger one guesses vectors better, yet ranks new items worse (docs/items.md)
SHRINKAGE_EVENTS = 5.0  # events of an item whose vector counts half as much as one that is known well
CG_ITERATIONS = 40  # of conjugate gradients

Weights = list[Tensor]


def refit_content(model: Recommender, item_events: Tensor) -> Recommender:
    """The same model with the same vectors for all items that were met; events (V + 1,) each was met in."""
    # Where ids were dropped, content has learned to stand alone, against all other items, which is better still.
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


def _solve_ridge(model: Recommender, targets: Tensor, item_weights: Tensor) -> Weights:
    """The fields' weights that minimise trust · |content − wanted|² + RIDGE · |weights|², by conjugate gradients."""
    _set_weights(model, [torch.zeros_like(weight) for weight in _weights(model)])
    solution = [torch.zeros_like(weight) for weight in _weights(model)]
    residual = _content_transpose(
        model, targets * item_weights[:, None]
    )  # what is still unexplained, seen from the weights
    direction, residual_sq = [x.clone() for x in residual], _dot(residual, residual)
    for _ in range(CG_ITERATIONS):
        if residual_sq < 1e-12:
            break
        _set_weights(model, direction)
        with torch.no_grad():
            predicted = _content_embeddings(model)
        curvature = [
            a + RIDGE * b
            for a, b in zip(_content_transpose(model, predicted * item_weights[:, None]), direction, strict=True)
        ]
        step = residual_sq / max(_dot(direction, curvature), 1e-30)
        solution = [x + step * t for x, t in zip(solution, direction, strict=True)]
        residual = [r - step * a for r, a in zip(residual, curvature, strict=True)]
        residual_sq, previous_sq = _dot(residual, residual), residual_sq
        direction = [r + residual_sq / previous_sq * t for r, t in zip(residual, direction, strict=True)]
    return solution


def _content_embeddings(model: Recommender) -> Tensor:
    """(V + 1, E) what content alone says; linear in the fields' weights."""
    contents = (model.get_buffer(f"content_{field.name}") for field in model.config.item_schema)
    return model.item_encoder.raw_embeddings(torch.zeros_like(model.item_indices()), *contents)


def _content_transpose(model: Recommender, errors: Tensor) -> Weights:
    """The transpose of `_content`: (V + 1, E) as the weights see it."""
    weights = _weights(model)
    with torch.enable_grad():
        return list(torch.autograd.grad(_content_embeddings(model), weights, grad_outputs=errors))


def _weights(model: Recommender) -> Weights:
    return [weight for field in model.item_encoder.fields for weight in field.parameters()]


def _set_weights(model: Recommender, values: Weights) -> None:
    with torch.no_grad():
        for weight, value in zip(_weights(model), values, strict=True):
            weight.copy_(value)


def _dot(a: Weights, b: Weights) -> float:
    return float(sum((x * y).sum() for x, y in zip(a, b, strict=True)))
