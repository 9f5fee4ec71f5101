import dataclasses

import numpy as np
import torch

from freshet.item_inputs import Field
from freshet.model.batches import pack
from freshet.model.corpus import corpus
from freshet.model.padded import PaddedShopperEncoder, scores_of
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.question import batch_loss, batch_scores
from freshet.model.ranks import dealt
from freshet.model.transformer import Recommender
from tests.checkerboard import histories_of

PARAMS = TrainParams(length=6, width=8, vector=8, heads=2, blocks=2, members=2, dropout=0.0)


def some_model(items: int = 5) -> Recommender:
    torch.manual_seed(1)
    model = Recommender(ModelConfig.of(PARAMS, items))
    return model.begin(torch.randn(items + 1, 16), torch.randn(items + 1)).eval()


def test_packed_and_padded_give_the_same_scores():
    made = corpus(
        histories_of([[(1, 0), (2, 0), (1, 60), (3, 90)], [(4, 0), (5, 9)], [(5, 0), (5, 3), (2, 8), (1, 9)]])
    )
    pieces = np.array([[1, 0, 2], [0, 0, 4], [2, 0, 4]])
    batch = pack(made, pieces, 1.0, np.random.default_rng(0))
    model = some_model()
    packed = batch_scores(model, batch)
    for row, scores in zip(batch.following.rows.tolist(), packed, strict=True):
        first = row - int(batch.positions[row])
        inputs = [x[None, first : row + 1] for x in (batch.items, batch.types, batch.gaps)]
        alone = scores_of(*PaddedShopperEncoder(model)(*inputs), inputs[0], model.item_vectors())
        assert torch.allclose(scores, alone[0], atol=1e-5)


def test_every_member_learns_by_its_own_loss_and_the_mean_of_their_scores_counts():
    made = corpus(histories_of([[(1, 0), (2, 0), (1, 60), (3, 90)], [(4, 0), (5, 9)]]))
    batch = pack(made, np.array([[1, 0, 2], [0, 0, 4]]), 1.0, np.random.default_rng(0))
    model = some_model()
    alone = [member(model, number) for number in range(2)]
    parts = [dealt(batch, number, 2) for number in range(2)]
    assert [len(part.following.rows) for part in parts] == [1, 3]
    losses = [batch_loss(one, [part]) for one, part in zip(alone, parts, strict=True)]
    scores = torch.stack([batch_scores(one, batch) for one in alone])
    assert not torch.allclose(scores[0], scores[1], atol=0.1)
    assert torch.allclose(batch_loss(model, parts), (losses[0] + 3 * losses[1]) / 4)
    assert torch.allclose(batch_scores(model, batch), scores.mean(dim=0), atol=1e-6)


def member(model: Recommender, number: int) -> Recommender:
    """One member as a model of its own."""
    alone = Recommender(dataclasses.replace(model.config, members=1)).eval()
    alone.shoppers[0].load_state_dict(model.shoppers[number].state_dict())
    ids = model.items.ids.weight.detach()
    return alone.begin(ids[:, :-1].view(-1, 2, 8)[:, number], ids[:, -1])


def test_padding_on_the_right_changes_nothing():
    encoder = PaddedShopperEncoder(some_model())
    short = [torch.tensor([[1, 2]]), torch.tensor([[3, 3]]), torch.tensor([[0, 4]])]
    long = [torch.nn.functional.pad(x, (0, 3)) for x in short]
    for a, b in zip(encoder(*short), encoder(*long), strict=True):
        assert torch.allclose(a, b[:, : a.shape[1]], atol=1e-6)


def test_an_empty_history_has_a_finite_answer_and_remembers_nothing():
    nothing = torch.zeros((1, 3), dtype=torch.int64)
    vectors, repeats = PaddedShopperEncoder(some_model())(nothing, nothing, nothing)
    assert vectors.isfinite().all()
    assert repeats.tolist() == [[0, 0, 0]]


def test_a_batch_that_asks_nothing_costs_nothing():
    made = corpus(histories_of([[(1, 0), (2, 0)]]))
    batch = pack(made, np.array([[0, 0, 2]]), 1.0, np.random.default_rng(0))
    loss = batch_loss(some_model(), [batch, batch])
    loss.backward()
    assert loss.item() == 0


def test_content_alone_gives_a_vector_and_padding_gives_zeros():
    inputs = (Field("title", "words", 9), Field("category", "category", 9), Field("price", "number", 16))
    model = Recommender(ModelConfig.of(PARAMS, 5, inputs))
    table = model.items.fields[0].weight
    torch.nn.init.normal_(table[1:])
    words = torch.tensor([[3, 4, 0], [0, 0, 0]])
    zero = torch.zeros(2, dtype=torch.int64)
    unseen, padding = model.items(zero, words, zero, zero)
    expected = (table[3] + table[4]) / 2
    directions = torch.nn.functional.normalize(expected[:-1].view(2, 8), dim=1)  # each member's is of length 1
    assert torch.allclose(unseen[:-1], directions.flatten())
    assert torch.allclose(unseen[-1], expected[-1])
    assert (padding == 0).all()


def test_vectors_of_chosen_items_are_theirs_among_all():
    torch.manual_seed(0)
    config = dataclasses.replace(ModelConfig.of(PARAMS, 4), inputs=(Field("title", "words", 9),))
    model = Recommender(config).eval()
    torch.nn.init.normal_(model.items.fields[0].weight[1:])
    model.get_buffer("content_title").copy_(torch.randint(0, 9, (5, 12)))
    model.meet(torch.tensor([True, True, False, True, True]))
    chosen = torch.tensor([0, 2, 4])
    for some, all_ in zip(model.members(chosen), model.members(), strict=True):
        assert torch.allclose(some.table, all_.table[chosen], atol=1e-6)
        assert torch.equal(some.biases, all_.biases[chosen])
    assert not torch.allclose(model.item_vectors()[1], model.item_vectors()[2])


def test_words_mean_the_same_in_training_and_in_the_exported_graph():
    torch.manual_seed(0)
    config = dataclasses.replace(ModelConfig.of(PARAMS, 4), inputs=(Field("title", "words", 9),))
    items = Recommender(config).eval().items
    torch.nn.init.normal_(items.fields[0].weight[1:])
    asked = torch.tensor([0, 3, 0]), torch.tensor([[3, 4, 0], [1, 1, 8], [0, 0, 0]])
    exported = torch.export.export(items, asked).module()
    assert torch.allclose(exported(*asked), items(*asked), atol=1e-6)
    assert not any("embedding_bag" in str(node.target) for node in exported.graph.nodes)
