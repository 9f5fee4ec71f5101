"""Warm start: today's model begins with yesterday's weights instead of with none."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import torch

from freshet.content import encode, fitted, not_empty
from freshet.item_inputs import Schema
from freshet.model.own import Model, Own
from freshet.model.params import FRESHET, ModelConfig, TrainParams
from freshet.neighbourhood import NO_BLEND
from freshet.texts import Texts
from freshet.vocabulary import Vocabulary

IDS = "items.ids.weight"  # rows of it are what is known of an item beyond its content
MET = "met"
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Yesterday:
    """The model that serves, and what it was made from."""

    id: str
    model: Model
    item_ids: Texts  # (V' + 1,) its vocabulary, row 0 = PAD
    generation: int
    cut: int  # the last day it learned from, in days since 1970


@dataclass(frozen=True)
class Remembered:
    """NDCG@10 on baskets of an older window, which neither model was taught."""

    cases: int
    yesterday: float
    today: float

    @property
    def forgotten(self) -> float:
        """The share of yesterday's NDCG that is lost; negative where today's is higher."""
        return 1 - self.today / self.yesterday if self.yesterday > 0 else 0.0


def why_not(yesterday: Yesterday, vocabulary: Vocabulary, params: TrainParams, cut: int) -> str:
    """Why today's model cannot begin from it; "" where it can. cut: the last day that today's may learn from."""
    if yesterday.cut > cut:  # as when more days are kept for judging than before
        later = EPOCH + timedelta(days=yesterday.cut)
        return f"it has learned from days up to {later}, which today's model is judged on"
    old = yesterday.model.config
    if yesterday.generation != vocabulary.generation:
        return f"its vocabulary is of generation {yesterday.generation}, today's of {vocabulary.generation}"
    if len(yesterday.item_ids) > len(vocabulary.item_ids):
        return f"it knows {len(yesterday.item_ids) - 1} items, today's vocabulary {len(vocabulary)}"
    if not np.array_equal(yesterday.item_ids, vocabulary.item_ids[: len(yesterday.item_ids)]):
        return "its items have other indexes"
    if not set(_named(old.inputs)) <= set(_named(vocabulary.inputs)):  # it read no column that was empty
        return "it reads other columns of the catalogue"
    schema = fitted(vocabulary.inputs, vocabulary.columns)
    known = not_empty(schema, encode(schema, vocabulary.columns))
    new = sorted(f"{name}:{kind}" for name, kind in set(_named(known)) - set(_named(old.inputs)))
    if new:
        return f"it does not read {', '.join(new)}"
    name = yesterday.model.name if isinstance(yesterday.model, Own) else FRESHET
    if name != params.model or _shape(old) != _shape(ModelConfig.of(params, old.items, old.inputs)):
        return "it is of another configuration"
    return ""


def _shape(config: ModelConfig) -> ModelConfig:
    """Without what does not shape the weights and follows from the data."""
    return replace(config, dropout=0.0, blend=NO_BLEND)


def warm_params(params: TrainParams) -> TrainParams:
    """How a model is trained that begins warm: shorter and slower."""
    rate = params.learning_rate * params.warm_rate
    return params.model_copy(update={"max_epochs": params.warm_epochs, "learning_rate": rate})


@torch.no_grad()
def carry_over(yesterday: Yesterday, model: Model) -> Model:
    """The model with yesterday's weights. An item that is new since begins as its content says, without an id's part.

    Tables with a row per item keep the rows by index, which an append-only vocabulary never moves.
    """
    rows = len(yesterday.item_ids)
    old = {**dict(yesterday.model.named_parameters()), **_met(yesterday.model)}
    for name, value in [*model.named_parameters(), *_met(model).items()]:
        known = old[name].to(value.device)
        if value.shape == known.shape:
            value.copy_(known | value if name == MET else known)
        else:
            value[:rows] = known | value[:rows] if name == MET else known
            if name == IDS:
                value[rows:] = 0
    return model


def _met(model: Model) -> dict[str, torch.Tensor]:
    return {name: value for name, value in model.named_buffers() if name == MET}


def _named(schema: Schema) -> list[tuple[str, str]]:
    return [(field.name, field.kind) for field in schema]
