"""The training objective: scores of packed and padded batches, losses of ensemble members."""

import dataclasses

import numpy as np
import torch

from freshet.item_schema import ItemFeature
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.serving_encoder import PaddedShopperEncoder, score_items
from freshet.model.transformer import Recommender
from freshet.training.batching import pack
from freshet.training.dataset import build_dataset
from freshet.training.distributed import shard_batch
from freshet.training.objective import batch_loss, batch_scores
from tests.checkerboard import histories_of

PARAMS = TrainParams(max_history=6, hidden_dim=8, embedding_dim=8, n_heads=2, n_layers=2, ensemble_size=2, dropout=0.0)


def build_model(items: int = 5) -> Recommender:
    torch.manual_seed(1)
    model = Recommender(ModelConfig.from_params(PARAMS, items))
    return model.init_item_embeddings(torch.randn(items + 1, 16), torch.randn(items + 1)).eval()


def test_packed_and_padded_give_the_same_scores():
    dataset = build_dataset(
        histories_of([[(1, 0), (2, 0), (1, 60), (3, 90)], [(4, 0), (5, 9)], [(5, 0), (5, 3), (2, 8), (1, 9)]])
    )
    pieces = np.array([[1, 0, 2], [0, 0, 4], [2, 0, 4]])
    batch = pack(dataset, pieces, 1.0, np.random.default_rng(0))
    model = build_model()
    packed = batch_scores(model, batch)
    for row, scores in zip(batch.targets.rows.tolist(), packed, strict=True):
        first = row - int(batch.positions[row])
        inputs = [x[None, first : row + 1] for x in (batch.items, batch.types, batch.gaps)]
        padded_scores = score_items(*PaddedShopperEncoder(model)(*inputs), inputs[0], model.item_embeddings())
        assert torch.allclose(scores, padded_scores[0], atol=1e-5)


def test_members_have_their_own_losses_and_their_scores_are_averaged():
    dataset = build_dataset(histories_of([[(1, 0), (2, 0), (1, 60), (3, 90)], [(4, 0), (5, 9)]]))
    batch = pack(dataset, np.array([[1, 0, 2], [0, 0, 4]]), 1.0, np.random.default_rng(0))
    model = build_model()
    members = [single_member(model, number) for number in range(2)]
    parts = [shard_batch(batch, number, 2) for number in range(2)]
    assert [len(part.targets.rows) for part in parts] == [1, 3]
    losses = [batch_loss(single_model, [part]) for single_model, part in zip(members, parts, strict=True)]
    scores = torch.stack([batch_scores(member, batch) for member in members])
    assert not torch.allclose(scores[0], scores[1], atol=0.1)
    assert torch.allclose(batch_loss(model, parts), (losses[0] + 3 * losses[1]) / 4)
    assert torch.allclose(batch_scores(model, batch), scores.mean(dim=0), atol=1e-6)


def single_member(model: Recommender, number: int) -> Recommender:
    """One ensemble member as a separate model."""
    single_model = Recommender(dataclasses.replace(model.config, ensemble_size=1)).eval()
    single_model.shopper_encoders[0].load_state_dict(model.shopper_encoders[number].state_dict())
    ids = model.item_encoder.ids.weight.detach()
    return single_model.init_item_embeddings(ids[:, :-1].view(-1, 2, 8)[:, number], ids[:, -1])


def test_right_padding_does_not_change_the_encoding():
    encoder = PaddedShopperEncoder(build_model())
    short = [torch.tensor([[1, 2]]), torch.tensor([[3, 3]]), torch.tensor([[0, 4]])]
    long = [torch.nn.functional.pad(x, (0, 3)) for x in short]
    for a, b in zip(encoder(*short), encoder(*long), strict=True):
        assert torch.allclose(a, b[:, : a.shape[1]], atol=1e-6)


def test_an_empty_history_has_a_finite_embedding_and_no_repeats():
    padding = torch.zeros((1, 3), dtype=torch.int64)
    vectors, repeats = PaddedShopperEncoder(build_model())(padding, padding, padding)
    assert vectors.isfinite().all()
    assert repeats.tolist() == [[0, 0, 0]]


def test_a_batch_without_queries_has_no_loss():
    dataset = build_dataset(histories_of([[(1, 0), (2, 0)]]))
    batch = pack(dataset, np.array([[0, 0, 2]]), 1.0, np.random.default_rng(0))
    loss = batch_loss(build_model(), [batch, batch])
    loss.backward()
    assert loss.item() == 0


def test_content_alone_gives_an_embedding_and_padding_gives_zeros():
    inputs = (
        ItemFeature("title", "words", 9),
        ItemFeature("category", "category", 9),
        ItemFeature("price", "number", 16),
    )
    model = Recommender(ModelConfig.from_params(PARAMS, 5, inputs))
    table = model.item_encoder.fields[0].weight
    torch.nn.init.normal_(table[1:])
    words = torch.tensor([[3, 4, 0], [0, 0, 0]])
    zero = torch.zeros(2, dtype=torch.int64)
    unseen, padding = model.item_encoder(zero, words, zero, zero)
    expected = (table[3] + table[4]) / 2
    directions = torch.nn.functional.normalize(expected[:-1].view(2, 8), dim=1)  # each member's is of length 1
    assert torch.allclose(unseen[:-1], directions.flatten())
    assert torch.allclose(unseen[-1], expected[-1])
    assert (padding == 0).all()


def test_embeddings_of_a_subset_are_rows_of_all_embeddings():
    torch.manual_seed(0)
    config = dataclasses.replace(ModelConfig.from_params(PARAMS, 4), item_schema=(ItemFeature("title", "words", 9),))
    model = Recommender(config).eval()
    torch.nn.init.normal_(model.item_encoder.fields[0].weight[1:])
    model.get_buffer("content_title").copy_(torch.randint(0, 9, (5, 12)))
    model.set_observed_items(torch.tensor([True, True, False, True, True]))
    chosen = torch.tensor([0, 2, 4])
    for chosen_vectors, all_ in zip(model.ensemble(chosen), model.ensemble(), strict=True):
        assert torch.allclose(chosen_vectors.item_embeddings, all_.item_embeddings[chosen], atol=1e-6)
        assert torch.equal(chosen_vectors.item_biases, all_.item_biases[chosen])
    assert not torch.allclose(model.item_embeddings()[1], model.item_embeddings()[2])


def test_the_word_mean_is_the_same_in_training_and_in_the_exported_graph():
    torch.manual_seed(0)
    config = dataclasses.replace(ModelConfig.from_params(PARAMS, 4), item_schema=(ItemFeature("title", "words", 9),))
    items = Recommender(config).eval().item_encoder
    torch.nn.init.normal_(items.fields[0].weight[1:])
    batch = torch.tensor([0, 3, 0]), torch.tensor([[3, 4, 0], [1, 1, 8], [0, 0, 0]])
    exported = torch.export.export(items, batch).module()
    assert torch.allclose(exported(*batch), items(*batch), atol=1e-6)
    assert not any("embedding_bag" in str(node.target) for node in exported.graph.nodes)
