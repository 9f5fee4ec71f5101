"""Warm start: today's model begins with yesterday's weights instead of with none."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from freshet.data.day_numbers import day_from_number
from freshet.data.item_encoding import drop_empty_features, encode_attributes, fit_schema
from freshet.data.knn_blend import NO_BLEND
from freshet.data.text_columns import TextArray
from freshet.data.vocabulary import Vocabulary
from freshet.item_schema import ItemSchema
from freshet.model.custom import CustomModelAdapter, Model
from freshet.model.params import BUILTIN_MODEL, ModelConfig, TrainParams

ID_WEIGHTS_KEY = "items.ids.weight"  # rows of it are what is known of an item beyond its content
OBSERVED_ITEMS_KEY = "met"


@dataclass(frozen=True)
class WarmStartModel:
    """The model that serves, and what it was made from."""

    model_id: str
    model: Model
    item_ids: TextArray  # (V' + 1,) its vocabulary, row 0 = PAD
    generation: int
    train_until: int  # the last day it learned from, in days since 1970


@dataclass(frozen=True)
class ForgettingReport:
    """NDCG@10 on baskets of an older window, which neither model was taught."""

    n_cases: int
    previous_ndcg: float
    current_ndcg: float

    @property
    def ndcg_loss_rate(self) -> float:
        """The share of yesterday's NDCG that is lost; negative where today's is higher."""
        return 1 - self.current_ndcg / self.previous_ndcg if self.previous_ndcg > 0 else 0.0


def warm_start_blocker(
    warm_start: WarmStartModel, vocabulary: Vocabulary, params: TrainParams, train_until: int
) -> str:
    """Why today's model cannot begin from it; "" where it can. cut: the last day that today's may learn from."""
    if warm_start.train_until > train_until:  # as when more days are kept for judging than before
        last_day = day_from_number(warm_start.train_until)
        return f"it has learned from days up to {last_day}, which today's model is judged on"
    previous_config = warm_start.model.config
    if warm_start.generation != vocabulary.generation:
        return f"its vocabulary is of generation {warm_start.generation}, today's of {vocabulary.generation}"
    if len(warm_start.item_ids) > len(vocabulary.item_ids):
        return f"it knows {len(warm_start.item_ids) - 1} items, today's vocabulary {len(vocabulary)}"
    if not np.array_equal(warm_start.item_ids, vocabulary.item_ids[: len(warm_start.item_ids)]):
        return "its items have other indexes"
    if not set(_feature_names(previous_config.item_schema)) <= set(
        _feature_names(vocabulary.item_schema)
    ):  # it read no column that was empty
        return "it reads other columns of the catalogue"
    schema = fit_schema(vocabulary.item_schema, vocabulary.item_attributes)
    content_schema = drop_empty_features(schema, encode_attributes(schema, vocabulary.item_attributes))
    new_features = sorted(
        f"{name}:{kind}"
        for name, kind in set(_feature_names(content_schema)) - set(_feature_names(previous_config.item_schema))
    )
    if new_features:
        return f"it does not read {', '.join(new_features)}"
    name = warm_start.model.model_class if isinstance(warm_start.model, CustomModelAdapter) else BUILTIN_MODEL
    if name != params.model_class or _weight_config(previous_config) != _weight_config(
        ModelConfig.from_params(params, previous_config.n_items, previous_config.item_schema)
    ):
        return "it is of another configuration"
    return ""


def _weight_config(config: ModelConfig) -> ModelConfig:
    """Without what does not shape the weights and follows from the data."""
    return replace(config, dropout=0.0, blend=NO_BLEND)


def warm_params(params: TrainParams) -> TrainParams:
    """How a model is trained that begins warm: shorter and slower."""
    learning_rate = params.learning_rate * params.warm_lr_scale
    return params.model_copy(update={"max_epochs": params.warm_epochs, "learning_rate": learning_rate})


@torch.no_grad()
def load_warm_weights(warm_start: WarmStartModel, model: Model) -> Model:
    """The model with yesterday's weights. An item that is new since begins as its content says, without an id's part.

    Tables with a row per item keep the rows by index, which an append-only vocabulary never moves.
    """
    n_rows = len(warm_start.item_ids)
    previous_weights = {**dict(warm_start.model.named_parameters()), **_observed_buffer(warm_start.model)}
    for name, value in [*model.named_parameters(), *_observed_buffer(model).items()]:
        previous = previous_weights[name].to(value.device)
        if value.shape == previous.shape:
            value.copy_(previous | value if name == OBSERVED_ITEMS_KEY else previous)
        else:
            value[:n_rows] = previous | value[:n_rows] if name == OBSERVED_ITEMS_KEY else previous
            if name == ID_WEIGHTS_KEY:
                value[n_rows:] = 0
    return model


def _observed_buffer(model: Model) -> dict[str, torch.Tensor]:
    return {name: value for name, value in model.named_buffers() if name == OBSERVED_ITEMS_KEY}


def _feature_names(schema: ItemSchema) -> list[tuple[str, str]]:
    return [(field.name, field.kind) for field in schema]
