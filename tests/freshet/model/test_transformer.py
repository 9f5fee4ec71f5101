"""Training's packed path, validation's padded path and the exported file answer the same."""

import numpy as np
import onnxruntime as ort
import pytest
import torch

from freshet.model.attention import attend_padded
from freshet.model.batches import pack
from freshet.model.corpus import Corpus, corpus
from freshet.model.export import SHOPPERS, export, reference_answer
from freshet.model.padded import mean_of, scores_of
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.question import batch_scores
from freshet.model.transformer import Recommender
from tests.checkerboard import histories_of, vocabulary_of

PARAMS = TrainParams(length=5, width=16, vector=8, heads=2, blocks=1, members=2)
ITEMS = 6
# one event, two, and as many as fit; every basket is one item, and the last of a shopper asks nothing
ROWS = [[(3, 0), (1, 60)], [(1, 0), (2, 9), (1, 70)], [(4, 0), (5, 1), (4, 5), (4, 90), (6, 4000)]]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    made = Recommender(ModelConfig.of(PARAMS, ITEMS))
    return made.begin(torch.randn(ITEMS + 1, 16), torch.randn(ITEMS + 1)).eval()


@pytest.fixture(scope="module")
def served(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    export(model, vocabulary_of(ITEMS), folder)
    return ort.InferenceSession(folder / SHOPPERS)


def asked_of(made: Corpus) -> list[tuple[int, int]]:
    """(shopper, events known) of each row that asks, in the order of the shoppers."""
    lengths = enumerate(made.lengths.tolist())
    return [(shopper, known) for shopper, length in lengths for known in range(1, length)]


def padded(made: Corpus, asked: list[tuple[int, int]], width: int) -> tuple[np.ndarray, ...]:
    out = tuple(np.zeros((len(asked), width), dtype=np.int64) for _ in range(3))
    for row, (shopper, known) in enumerate(asked):
        first = made.offsets[shopper]
        for target, source in zip(out, (made.items, made.types, made.gaps), strict=True):
            target[row, :known] = source[first : first + known]
    return out


def onnx(session: ort.InferenceSession, items: np.ndarray, types: np.ndarray, gaps: np.ndarray) -> list[np.ndarray]:
    return session.run(["vectors", "repeats"], {"items": items, "types": types, "gaps": gaps})


@pytest.mark.parametrize("width", [4, 5])
def test_a_score_is_the_same_when_trained_validated_and_served(model, served, width):
    made = corpus(histories_of(ROWS))
    batch = pack(made, np.array([[0, 0, 2], [1, 0, 3], [2, 0, 5]]), 0.0, np.random.default_rng(0))
    inputs = padded(made, asked_of(made), width)
    trained = batch_scores(model, batch).detach().numpy()
    for vectors, repeats in (reference_answer(model, *inputs), onnx(served, *inputs)):
        answer = scores_of(*map(torch.from_numpy, (vectors, repeats, inputs[0])), model.item_vectors().detach())
        np.testing.assert_allclose(answer.numpy(), trained, atol=1e-4)


@pytest.mark.parametrize("lengths", [[0], [1], [5], [5, 0, 1, 3], [0, 0]])
def test_vectors_and_repeats_are_the_same_from_torch_and_from_the_file(model, served, lengths):
    rng = np.random.default_rng(len(lengths))
    width = max(1, *lengths)
    there = np.arange(width) < np.array(lengths)[:, None]
    inputs = [rng.integers(1, high, there.shape) * there for high in (ITEMS + 1, 5, 32)]
    for found, expected in zip(onnx(served, *inputs), reference_answer(model, *inputs), strict=True):
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_what_comes_later_changes_nothing_before(model):
    known = torch.tensor([[1, 2, 3]])
    vectors = model.item_vectors()[:, :8]
    before, after = (
        model.shoppers[0](vectors[items], known, known, torch.arange(3), attend_padded)
        for items in (known, torch.tensor([[1, 2, 5]]))
    )
    assert torch.allclose(before[:, :2], after[:, :2], atol=1e-6)
    assert not torch.allclose(before[:, 2], after[:, 2])


def test_an_items_last_number_is_multiplied_with_one_and_members_count_alike():
    assert mean_of([torch.tensor([[2.0, 3.0]]), torch.tensor([[4.0, 5.0]])]).tolist() == [[1, 1.5, 2, 2.5, 1]]


def test_padding_is_zeros_among_the_item_vectors(model):
    assert not model.item_vectors()[0].any()
