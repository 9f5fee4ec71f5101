"""After training: content says as much of the item vectors as it can, and the ids keep the rest.

Training splits an item's vector between its id and its content as it comes, and has no reason to let content alone make
sense. So content is fitted once more, by ridge regression (Hoerl and Kennard 1970) of the trained vectors on what the
catalogue says; ids take up the difference. The vector of every item that was met stays as it was, to the last rounding;
an item that nobody has met gets the vector that items like it have, bias included.

Shapes: V items, E numbers of an item's vector. PAD = 0.
"""

import torch
from torch import Tensor

from freshet.columns import PAD
from freshet.model.transformer import Recommender

RIDGE = 0.003  # hardly any: a larger one guesses vectors better, yet ranks new items worse (docs/items.md)
FEW = 5.0  # events of an item whose vector counts half as much as one that is known well
ROUNDS = 40  # of conjugate gradients

Weights = list[Tensor]


def settle(model: Recommender, events: Tensor) -> Recommender:
    """The same model with the same vectors for all items that were met; events (V + 1,) each was met in."""
    # Where ids were dropped, content has learned to stand alone, against all other items, which is better still.
    if not model.config.inputs or model.config.id_dropout or not model.met.any():
        return model
    was_training = model.training
    model.eval()
    with torch.no_grad():
        wanted = model.item_vectors()  # (V + 1, E)
    trust = events / (events + FEW) * model.met  # (V + 1,)
    _set(model, _fitted(model, wanted, trust))
    with torch.no_grad():
        model.items.ids.weight.copy_((wanted - _content(model)) * model.met[:, None])
        model.items.ids.weight[PAD].zero_()
    return model.train(was_training)


def _fitted(model: Recommender, wanted: Tensor, trust: Tensor) -> Weights:
    """The fields' weights that minimise trust · |content − wanted|² + RIDGE · |weights|², by conjugate gradients."""
    _set(model, [torch.zeros_like(weight) for weight in _weights(model)])
    found = [torch.zeros_like(weight) for weight in _weights(model)]
    rest = _back(model, wanted * trust[:, None])  # what is still unexplained, seen from the weights
    towards, size = [x.clone() for x in rest], _dot(rest, rest)
    for _ in range(ROUNDS):
        if size < 1e-12:
            break
        _set(model, towards)
        with torch.no_grad():
            said = _content(model)
        across = [a + RIDGE * b for a, b in zip(_back(model, said * trust[:, None]), towards, strict=True)]
        step = size / max(_dot(towards, across), 1e-30)
        found = [x + step * t for x, t in zip(found, towards, strict=True)]
        rest = [r - step * a for r, a in zip(rest, across, strict=True)]
        size, before = _dot(rest, rest), size
        towards = [r + size / before * t for r, t in zip(rest, towards, strict=True)]
    return found


def _content(model: Recommender) -> Tensor:
    """(V + 1, E) what content alone says; linear in the fields' weights."""
    contents = (model.get_buffer(f"content_{field.name}") for field in model.config.inputs)
    return model.items.sums(torch.zeros_like(model.numbers()), *contents)


def _back(model: Recommender, errors: Tensor) -> Weights:
    """The transpose of `_content`: (V + 1, E) as the weights see it."""
    weights = _weights(model)
    with torch.enable_grad():
        return list(torch.autograd.grad(_content(model), weights, grad_outputs=errors))


def _weights(model: Recommender) -> Weights:
    return [weight for field in model.items.fields for weight in field.parameters()]


def _set(model: Recommender, values: Weights) -> None:
    with torch.no_grad():
        for weight, value in zip(_weights(model), values, strict=True):
            weight.copy_(value)


def _dot(a: Weights, b: Weights) -> float:
    return float(sum((x * y).sum() for x, y in zip(a, b, strict=True)))
