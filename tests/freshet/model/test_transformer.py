"""The packed path of training, the padded path of validation and the ONNX file give the same scores."""

import numpy as np
import onnxruntime as ort
import pytest
import torch

from freshet.model.attention import padded_attention
from freshet.model.onnx_export import SHOPPER_ENCODER_FILE, export, reference_outputs
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.serving_encoder import ensemble_mean, score_items
from freshet.model.transformer import Recommender
from freshet.training.batching import pack
from freshet.training.dataset import TrainingDataset, build_dataset
from freshet.training.objective import batch_scores
from tests.checkerboard import histories_of, vocabulary_of

PARAMS = TrainParams(max_history=5, hidden_dim=16, embedding_dim=8, n_heads=2, n_layers=1, ensemble_size=2)
N_ITEMS = 6
# two events, three, and max_history; every basket is one item, and a shopper's last event is no query
HISTORY_ROWS = [[(3, 0), (1, 60)], [(1, 0), (2, 9), (1, 70)], [(4, 0), (5, 1), (4, 5), (4, 90), (6, 4000)]]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    recommender = Recommender(ModelConfig.from_params(PARAMS, N_ITEMS))
    return recommender.init_item_embeddings(torch.randn(N_ITEMS + 1, 16), torch.randn(N_ITEMS + 1)).eval()


@pytest.fixture(scope="module")
def onnx_session(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    export(model, vocabulary_of(N_ITEMS), folder)
    return ort.InferenceSession(folder / SHOPPER_ENCODER_FILE)


def target_rows(dataset: TrainingDataset) -> list[tuple[int, int]]:
    """(shopper, number of visible events) of each query, in the order of the shoppers."""
    lengths = enumerate(dataset.lengths.tolist())
    return [(shopper, n_known) for shopper, length in lengths for n_known in range(1, length)]


def padded_inputs(dataset: TrainingDataset, target_rows: list[tuple[int, int]], width: int) -> tuple[np.ndarray, ...]:
    out = tuple(np.zeros((len(target_rows), width), dtype=np.int64) for _ in range(3))
    for row, (shopper, n_known) in enumerate(target_rows):
        start = dataset.offsets[shopper]
        for target, source in zip(out, (dataset.items, dataset.types, dataset.gaps), strict=True):
            target[row, :n_known] = source[start : start + n_known]
    return out


def run_onnx(session: ort.InferenceSession, items: np.ndarray, types: np.ndarray, gaps: np.ndarray) -> list[np.ndarray]:
    return session.run(["vectors", "repeats"], {"items": items, "types": types, "gaps": gaps})


@pytest.mark.parametrize("width", [4, 5])
def test_training_validation_and_onnx_give_the_same_scores(model, onnx_session, width):
    dataset = build_dataset(histories_of(HISTORY_ROWS))
    batch = pack(dataset, np.array([[0, 0, 2], [1, 0, 3], [2, 0, 5]]), 0.0, np.random.default_rng(0))
    inputs = padded_inputs(dataset, target_rows(dataset), width)
    training_scores = batch_scores(model, batch).detach().numpy()
    for vectors, repeats in (reference_outputs(model, *inputs), run_onnx(onnx_session, *inputs)):
        scores = score_items(*map(torch.from_numpy, (vectors, repeats, inputs[0])), model.item_embeddings().detach())
        np.testing.assert_allclose(scores.numpy(), training_scores, atol=1e-4)


@pytest.mark.parametrize("lengths", [[0], [1], [5], [5, 0, 1, 3], [0, 0]])
def test_torch_and_onnx_give_the_same_vectors_and_repeats(model, onnx_session, lengths):
    rng = np.random.default_rng(len(lengths))
    width = max(1, *lengths)
    is_event = np.arange(width) < np.array(lengths)[:, None]
    inputs = [rng.integers(1, high, is_event.shape) * is_event for high in (N_ITEMS + 1, 5, 32)]
    for actual, expected in zip(run_onnx(onnx_session, *inputs), reference_outputs(model, *inputs), strict=True):
        assert np.isfinite(actual).all()
        np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_later_events_do_not_change_earlier_states(model):
    item_batch = torch.tensor([[1, 2, 3]])
    vectors = model.item_embeddings()[:, :8]
    before, after = (
        model.shopper_encoders[0](vectors[items], item_batch, item_batch, torch.arange(3), padded_attention)
        for items in (item_batch, torch.tensor([[1, 2, 5]]))
    )
    assert torch.allclose(before[:, :2], after[:, :2], atol=1e-6)
    assert not torch.allclose(before[:, 2], after[:, 2])


def test_the_ensemble_mean_averages_the_members_and_appends_one_for_the_bias():
    assert ensemble_mean([torch.tensor([[2.0, 3.0]]), torch.tensor([[4.0, 5.0]])]).tolist() == [[1, 1.5, 2, 2.5, 1]]


def test_padding_is_zeros_among_the_item_vectors(model):
    assert not model.item_embeddings()[0].any()
