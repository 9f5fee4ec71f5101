"""The model before its first step."""

import torch

from freshet.content import encode, fitted, not_empty
from freshet.model.corpus import Corpus, met_items
from freshet.model.own import Model, own
from freshet.model.params import FRESHET, ModelConfig, TrainParams
from freshet.model.spectral import start_biases, start_vectors
from freshet.model.transformer import Recommender
from freshet.model.warm import Yesterday, carry_over
from freshet.vocabulary import Vocabulary


def untrained(vocabulary: Vocabulary, corpus: Corpus, params: TrainParams, yesterday: Yesterday | None = None) -> Model:
    """Item vectors from co-occurrence, everything else from the seed. A model of your own begins as its class says.

    With a model of yesterday its weights take their place.
    """
    torch.manual_seed(params.seed)
    items, schema = len(vocabulary), fitted(vocabulary.inputs, vocabulary.columns)
    content = encode(schema, vocabulary.columns)
    # Yesterday's tables stay as large as they are: they have room to grow.
    inputs = yesterday.model.config.inputs if yesterday else not_empty(schema, content)
    config = ModelConfig.of(params, items, inputs)
    content = content if inputs == schema else encode(inputs, vocabulary.columns)
    if params.model != FRESHET:
        model: Model = own(params.model, config).know(content)
        return model if yesterday is None else carry_over(yesterday, model)
    model = Recommender(config).know(content).meet(met_items(corpus, items))
    if yesterday is not None:
        return carry_over(yesterday, model)
    starts = [start_vectors(corpus, items, params.vector, params.seed + member) for member in range(params.members)]
    return model.begin(torch.cat(starts, dim=1), start_biases(corpus, items))
