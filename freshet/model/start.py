"""The model before its first step."""

import torch

from freshet.content import encode, fitted
from freshet.model.corpus import Corpus, met_items
from freshet.model.own import Model, own
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.spectral import start_biases, start_vectors
from freshet.model.transformer import Recommender
from freshet.vocabulary import Vocabulary


def untrained(vocabulary: Vocabulary, corpus: Corpus, params: TrainParams) -> Model:
    """Item vectors from co-occurrence, everything else from the seed. A model of your own begins as its class says."""
    torch.manual_seed(params.seed)
    items, inputs = len(vocabulary), fitted(vocabulary.inputs, vocabulary.columns)
    config, content = ModelConfig.of(params, items, inputs), encode(inputs, vocabulary.columns)
    if params.model:
        return own(params.model, config).know(content)
    model = Recommender(config).know(content).meet(met_items(corpus, items))
    return model.begin(start_vectors(corpus, items, params.vector, params.seed), start_biases(corpus, items))
