"""Warm start: initialise a new model with the weights of an earlier one."""

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

# Names in the state_dict of a Recommender.
ID_WEIGHTS_KEY = "item_encoder.ids.weight"  # one row per item: the part of its embedding that is not from content
OBSERVED_ITEMS_KEY = "observed_items"


@dataclass(frozen=True)
class WarmStartModel:
    """The earlier model, and what it was trained on."""

    model_id: str
    model: Model
    item_ids: TextArray  # (V' + 1,) of its vocabulary, row 0 = PAD
    generation: int
    train_until: int  # the last day of its training set, in days since 1970


@dataclass(frozen=True)
class ForgettingReport:
    """NDCG@10 of the earlier and the new model on baskets that both held out."""

    n_cases: int
    previous_ndcg: float
    current_ndcg: float

    @property
    def ndcg_loss_rate(self) -> float:
        """Share of the earlier model's NDCG@10 that the new one loses; negative if the new one is better."""
        return 1 - self.current_ndcg / self.previous_ndcg if self.previous_ndcg > 0 else 0.0


def warm_start_blocker(
    warm_start: WarmStartModel, vocabulary: Vocabulary, params: TrainParams, train_until: int
) -> str:
    """Return the reason why the new model cannot start from the earlier one, "" if it can.

    train_until: the last day of the new training set, in days since 1970.
    """
    if warm_start.train_until > train_until:  # for example, because more days are held out for evaluation than before
        last_day = day_from_number(warm_start.train_until)
        return f"it was trained on days up to {last_day}, which are for the evaluation of the new model"
    previous_config = warm_start.model.config
    if warm_start.generation != vocabulary.generation:
        return f"its vocabulary has generation {warm_start.generation}, the current one {vocabulary.generation}"
    if len(warm_start.item_ids) > len(vocabulary.item_ids):
        return f"its vocabulary has {len(warm_start.item_ids) - 1} items, the current one {len(vocabulary)}"
    if not np.array_equal(warm_start.item_ids, vocabulary.item_ids[: len(warm_start.item_ids)]):
        return "its items have other indices"
    previous_features = _feature_names(previous_config.item_schema)
    if not previous_features <= _feature_names(vocabulary.item_schema):
        return "it reads item columns that the setting does not name"
    schema = fit_schema(vocabulary.item_schema, vocabulary.item_attributes)
    content_schema = drop_empty_features(schema, encode_attributes(schema, vocabulary.item_attributes))
    if new_features := sorted(_feature_names(content_schema) - previous_features):
        return f"it does not read {', '.join(new_features)}"
    model_class = warm_start.model.model_class if isinstance(warm_start.model, CustomModelAdapter) else BUILTIN_MODEL
    new_config = ModelConfig.from_params(params, previous_config.n_items, previous_config.item_schema)
    if model_class != params.model_class or _weight_config(previous_config) != _weight_config(new_config):
        return "it has another configuration"
    return ""


def _weight_config(config: ModelConfig) -> ModelConfig:
    """Return `config` without the fields that do not affect the shape of the weights."""
    return replace(config, dropout=0.0, blend=NO_BLEND)


def warm_params(params: TrainParams) -> TrainParams:
    """Return the parameters of a warm start: fewer epochs at a lower learning rate."""
    learning_rate = params.learning_rate * params.warm_lr_scale
    return params.model_copy(update={"max_epochs": params.warm_epochs, "learning_rate": learning_rate})


@torch.no_grad()
def load_warm_weights(warm_start: WarmStartModel, model: Model) -> Model:
    """Copy the earlier model's weights into `model` and return it.

    Item tables are copied row by row: the vocabulary is append-only, so the indices are the same. The id embeddings of
    newer items are zeros, so that they start with the embedding of their content.
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


def _feature_names(schema: ItemSchema) -> set[str]:
    return {f"{feature.name}:{feature.kind}" for feature in schema}
