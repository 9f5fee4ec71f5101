import numpy as np
import pytest
import torch

from freshet.model.batches import batches, pack
from freshet.model.corpus import corpus
from freshet.model.drawing import Drawing
from freshet.model.losses import Added, Wanted, catalogue_cross_entropy
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.question import batch_loss
from freshet.model.transformer import Recommender
from tests.checkerboard import histories_of

ITEMS, SHOPPERS, MANY, CPU = 60, 200, 400, torch.device("cpu")
PARAMS = TrainParams(length=6, width=8, vector=8, heads=2, blocks=1, members=1, dropout=0.0)


def taught():
    """Histories of three items; item 1 is in every second one, the last twenty in none."""
    rng = np.random.default_rng(0)
    rows = rng.integers(2, ITEMS - 19, (SHOPPERS, 3))
    rows[::2, 0] = 1
    return corpus(histories_of([[(int(item), 60 * n) for n, item in enumerate(row)] for row in rows]))


def batch_of(made, shoppers):
    pieces = np.stack([np.asarray(shoppers), np.zeros(len(shoppers), int), made.lengths[shoppers]], axis=1)
    return pack(made, pieces, 0.0, np.random.default_rng(0))


def a_model() -> Recommender:
    torch.manual_seed(1)
    model = Recommender(ModelConfig.of(PARAMS, ITEMS))
    return model.begin(torch.randn(ITEMS + 1, 8), torch.randn(ITEMS + 1)).eval()


def test_a_small_catalogue_is_not_drawn_from():
    assert Drawing.of(taught(), ITEMS, PARAMS.length, ITEMS // 2, CPU) is None
    assert Drawing.of(taught(), ITEMS, PARAMS.length, ITEMS // 2 - 1, CPU) is not None


def test_what_is_drawn_stands_on_average_for_the_whole_sum():
    made, scores = taught(), torch.randn(ITEMS + 1, generator=torch.Generator().manual_seed(3))
    scores[1] = 3.0  # the best-seller would count far too often if its chance were that of the others
    drawing = Drawing.of(made, ITEMS, PARAMS.length, 15, CPU)
    rng, found = np.random.default_rng(1), []
    for seed in range(1500):
        torch.manual_seed(seed)
        drawn = drawing.draw([batch_of(made, rng.permutation(SHOPPERS)[:10])])
        found.append(float((scores[drawn.items] + drawn.raised)[1:].exp().sum()))
    assert np.mean(found) == pytest.approx(float(scores[1:].exp().sum()), rel=0.03)


def test_it_does_so_for_short_and_long_histories_with_items_that_come_again():
    """Windows of one length lie in one batch, and a long history is several windows."""
    rng = np.random.default_rng(0)
    lengths = np.concatenate([rng.integers(1, 4, 500), np.full(30, 6), np.full(12, 60)])
    rows = [rng.choice(rng.integers(1, MANY, 8), length) for length in lengths]  # eight items of their own each
    made = corpus(histories_of([[(int(item), 60 * n) for n, item in enumerate(row)] for row in rows]))
    drawing = Drawing.of(made, MANY, 6, 30, CPU)
    assert drawing is not None
    found = {"short": [], "long": []}
    for epoch in range(40):
        for batch in batches(made, 6, 100, 0.0, np.random.default_rng(epoch)):
            drawn = drawing.draw([batch])
            assert len(drawn.items) < MANY / 2
            kind = "short" if batch.groups[-1][1] < 6 else "long"
            found[kind].append(float(drawn.raised[1:].exp().sum()))
    every = found["short"] + found["long"]
    assert np.mean(every) == pytest.approx(MANY, rel=0.05)  # as if every score were 0
    # Shoppers here share hardly an item, so short windows bring those of short histories a little too often.
    assert np.mean(found["short"]) == pytest.approx(MANY, rel=0.25)
    assert np.mean(found["long"]) == pytest.approx(MANY, rel=0.25)


def test_what_a_question_brings_along_counts_once():
    made = taught()
    batch = batch_of(made, [0, 1])
    drawn = Drawing.of(made, ITEMS, PARAMS.length, 10, CPU).draw([batch])
    placed = drawn.places(batch)
    assert torch.equal(drawn.items[placed.items], batch.items)
    assert torch.equal(drawn.items[placed.following.items], batch.following.items)
    wanted = Wanted(placed.following.items, placed.following.starts)
    added = Added(torch.tensor([0, 0, 2]), placed.items[[0, 0, 4]], torch.tensor([0.5, 0.25, 2.0]))
    both = drawn.once(wanted, added)
    assert torch.equal(both.questions, both.questions.sort().values)
    total = torch.zeros(len(wanted.starts), len(drawn.items))
    total.index_put_((both.questions, both.items), both.values, accumulate=True)
    expected = torch.zeros_like(total)
    for question, item in enumerate(wanted.items.tolist()):
        expected[question, item] = -drawn.raised[item]
    expected[0, placed.items[0]] = 0.75 - drawn.raised[placed.items[0]]  # twice in the window, once raised
    expected[2, placed.items[4]] = 2.0 - drawn.raised[placed.items[4]]
    assert torch.allclose(total, expected)


def test_with_nearly_everything_drawn_it_is_the_loss_of_all_items_and_has_its_gradient():
    made, model, other = taught(), a_model(), a_model()
    batch = batch_of(made, range(20))
    drawing = Drawing(Drawing.of(made, ITEMS, PARAMS.length, 5, CPU).holding, 3 * SHOPPERS, evenly=60 * ITEMS)
    plain, drawn = batch_loss(model, [batch]), batch_loss(other, [batch], drawing)
    assert drawn.item() == pytest.approx(plain.item(), rel=1e-4)
    plain.backward()
    drawn.backward()
    for (name, one), two in zip(model.named_parameters(), other.parameters(), strict=True):
        if one.grad is not None:
            assert torch.allclose(one.grad, two.grad, atol=1e-4), name


def test_the_more_items_are_drawn_the_nearer_the_loss_of_all():
    made, model = taught(), a_model()
    batch = batch_of(made, range(20))
    plain = batch_loss(model, [batch]).item()
    holding = Drawing.of(made, ITEMS, PARAMS.length, 10, CPU).holding
    off = {few: plain - mean_loss(model, batch, Drawing(holding, 3 * SHOPPERS, few)) for few in (10, 50)}
    assert 0 < off[50] < off[10] / 2  # the logarithm of a sum that is right on average is a little low
    assert off[50] < 0.1


def mean_loss(model, batch, drawing):
    losses = []
    for seed in range(200):
        torch.manual_seed(seed)
        losses.append(batch_loss(model, [batch], drawing).item())
    return np.mean(losses)


def test_no_question_with_drawn_items_costs_nothing():
    made = taught()
    nothing = torch.zeros(0, dtype=torch.int64)
    drawn = Drawing.of(made, ITEMS, PARAMS.length, 10, CPU).draw([batch_of(made, [0])])
    wanted = Wanted(nothing, nothing)
    added = drawn.once(wanted, Added(nothing, nothing, torch.zeros(0)))
    assert catalogue_cross_entropy(torch.zeros(0, 9), torch.zeros(5, 9), torch.zeros(5), wanted, added).item() == 0
