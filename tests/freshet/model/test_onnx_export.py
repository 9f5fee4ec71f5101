"""The ONNX export gives the outputs of torch."""

import numpy as np
import onnxruntime as ort
import pytest
import torch

from freshet.data.item_encoding import encode_attributes, fit_schema
from freshet.errors import BundleError
from freshet.model.onnx_export import (
    ITEM_EMBEDDINGS_FILE,
    ITEM_ENCODER_FILE,
    SHOPPER_ENCODER_FILE,
    SHOPPER_ENCODER_FP16_FILE,
    SHOPPER_ENCODER_INT8_FILE,
    export,
    reference_outputs,
)
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.transformer import Recommender
from tests.checkerboard import vocabulary_of

SMALL_PARAMS = TrainParams(max_history=5, hidden_dim=16, embedding_dim=16, n_heads=2, n_layers=2, ensemble_size=2)
N_ITEMS = 20


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    vocabulary = vocabulary_of(N_ITEMS)
    inputs = fit_schema(vocabulary.item_schema, vocabulary.item_attributes)
    recommender = Recommender(ModelConfig.from_params(SMALL_PARAMS, N_ITEMS, inputs)).load_content(
        encode_attributes(inputs, vocabulary.item_attributes)
    )
    recommender.init_item_embeddings(torch.randn(N_ITEMS + 1, 32), torch.randn(N_ITEMS + 1))
    torch.nn.init.normal_(recommender.item_encoder.fields[0].weight[1:])
    return recommender.eval()


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    messages: list[str] = []
    files = export(model, vocabulary_of(N_ITEMS), folder, messages.append, fp16=True)
    assert (
        [f.name for f in files]
        == messages
        == [
            SHOPPER_ENCODER_FILE,
            SHOPPER_ENCODER_INT8_FILE,
            SHOPPER_ENCODER_FP16_FILE,
            ITEM_ENCODER_FILE,
            ITEM_EMBEDDINGS_FILE,
        ]
    )
    return folder


def padded_requests(batch: int, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Right-padded histories from full length to, for more than one, an empty one."""
    rng = np.random.default_rng(batch * 10 + length)
    is_event = np.arange(length) < np.linspace(length, 0 if batch > 1 else length, batch).round()[:, None]
    items, types, gaps = (rng.integers(1, high, (batch, length)) * is_event for high in (N_ITEMS + 1, 5, 32))
    return items, types, gaps


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 1), (7, 4), (3, 5)])
@pytest.mark.parametrize(
    ("name", "tolerance"),
    [(SHOPPER_ENCODER_FILE, 1e-4), (SHOPPER_ENCODER_FP16_FILE, 0.02), (SHOPPER_ENCODER_INT8_FILE, 0.5)],
)
def test_onnx_gives_the_outputs_of_torch(model, folder, shape, name, tolerance):
    items, types, gaps = padded_requests(*shape)
    session = ort.InferenceSession(folder / name)
    actual = session.run(["vectors", "repeats"], {"items": items, "types": types, "gaps": gaps})
    for output, expected in zip(actual, reference_outputs(model, items, types, gaps), strict=True):
        assert output.shape == expected.shape
        assert output.dtype == np.float32
        assert np.isfinite(output).all()
        np.testing.assert_allclose(output, expected, atol=tolerance)


def test_the_item_encoder_gives_the_stored_embeddings_and_embeds_new_items(model, folder):
    vocabulary, stored_vectors = vocabulary_of(N_ITEMS), np.load(folder / ITEM_EMBEDDINGS_FILE)
    session = ort.InferenceSession(folder / ITEM_ENCODER_FILE)
    assert [x.name for x in session.get_inputs()] == ["items", "title", "category", "price"]
    feed = encode_attributes(model.config.item_schema, vocabulary.item_attributes).features
    np.testing.assert_allclose(
        session.run(None, {"items": np.arange(N_ITEMS + 1), **feed})[0], stored_vectors, atol=1e-5
    )
    unseen = session.run(None, {"items": np.zeros(1, dtype=np.int64), **{k: v[1:2] for k, v in feed.items()}})[0]
    assert not stored_vectors[0].any()
    assert unseen.any()


def test_the_export_prints_nothing(model, tmp_path, capfd):
    export(model, vocabulary_of(N_ITEMS), tmp_path)
    assert capfd.readouterr() == ("", "")


def test_another_vocabulary_is_refused(model, tmp_path):
    with pytest.raises(BundleError) as error:
        export(model, vocabulary_of(3), tmp_path)
    assert str(error.value) == (
        "bundle: the model has 20 items, the vocabulary 3; materialize the asset `trained_model` again"
    )
