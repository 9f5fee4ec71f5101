"""Initialisation: the model before the first training step."""

import torch

from freshet.data.item_encoding import drop_empty_features, encode_attributes, fit_schema
from freshet.data.vocabulary import Vocabulary
from freshet.model.custom import Model, build_custom_model
from freshet.model.params import BUILTIN_MODEL, ModelConfig, TrainParams
from freshet.model.transformer import Recommender
from freshet.training.dataset import TrainingDataset, observed_items
from freshet.training.spectral_init import init_biases, init_embeddings
from freshet.training.warm_start import WarmStartModel, load_warm_weights


def build_initial_model(
    vocabulary: Vocabulary, dataset: TrainingDataset, params: TrainParams, warm_start: WarmStartModel | None = None
) -> Model:
    """Return the untrained model: item embeddings from an SVD of the dataset, all other weights from the seed.

    A custom model is initialised by its class. warm_start: the model whose weights are copied, if any.
    """
    torch.manual_seed(params.seed)
    n_items, schema = len(vocabulary), fit_schema(vocabulary.item_schema, vocabulary.item_attributes)
    content = encode_attributes(schema, vocabulary.item_attributes)
    # A warm start keeps the size of the previous model's feature tables.
    item_schema = warm_start.model.config.item_schema if warm_start else drop_empty_features(schema, content)
    config = ModelConfig.from_params(params, n_items, item_schema)
    content = content if item_schema == schema else encode_attributes(item_schema, vocabulary.item_attributes)
    if params.model_class != BUILTIN_MODEL:
        model: Model = build_custom_model(params.model_class, config).load_content(content)
        return model if warm_start is None else load_warm_weights(warm_start, model)
    model = Recommender(config).load_content(content).set_observed_items(observed_items(dataset, n_items))
    if warm_start is not None:
        return load_warm_weights(warm_start, model)
    embeddings = [
        init_embeddings(dataset, n_items, params.embedding_dim, params.seed + member)
        for member in range(params.ensemble_size)
    ]
    return model.init_item_embeddings(torch.cat(embeddings, dim=1), init_biases(dataset, n_items))
