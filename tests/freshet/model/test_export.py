import numpy as np
import onnxruntime as ort
import pytest
import torch

from freshet.content import encode, fitted
from freshet.errors import BundleError
from freshet.model.export import ITEM_VECTORS, ITEMS, SHOPPERS, SHOPPERS_FP16, SHOPPERS_INT8, export, reference_answer
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.transformer import Recommender
from tests.checkerboard import vocabulary_of

SMALL = TrainParams(length=5, width=16, vector=16, heads=2, blocks=2, members=2)
ITEM_COUNT = 20


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    vocabulary = vocabulary_of(ITEM_COUNT)
    inputs = fitted(vocabulary.inputs, vocabulary.columns)
    made = Recommender(ModelConfig.of(SMALL, ITEM_COUNT, inputs)).know(encode(inputs, vocabulary.columns))
    made.begin(torch.randn(ITEM_COUNT + 1, 32), torch.randn(ITEM_COUNT + 1))
    torch.nn.init.normal_(made.items.fields[0].weight[1:])
    return made.eval()


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    told: list[str] = []
    files = export(model, vocabulary_of(ITEM_COUNT), folder, told.append, half=True)
    assert [f.name for f in files] == told == [SHOPPERS, SHOPPERS_INT8, SHOPPERS_FP16, ITEMS, ITEM_VECTORS]
    return folder


def requests(batch: int, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Right-padded, the first as long as can be, the last empty where there is more than one."""
    rng = np.random.default_rng(batch * 10 + length)
    known = np.arange(length) < np.linspace(length, 0 if batch > 1 else length, batch).round()[:, None]
    items, types, gaps = (rng.integers(1, high, (batch, length)) * known for high in (ITEM_COUNT + 1, 5, 32))
    return items, types, gaps


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 1), (7, 4), (3, 5)])
@pytest.mark.parametrize(("name", "tolerance"), [(SHOPPERS, 1e-4), (SHOPPERS_FP16, 0.02), (SHOPPERS_INT8, 0.5)])
def test_onnx_answers_as_torch_does(model, folder, shape, name, tolerance):
    items, types, gaps = requests(*shape)
    session = ort.InferenceSession(folder / name)
    found = session.run(["vectors", "repeats"], {"items": items, "types": types, "gaps": gaps})
    for answer, expected in zip(found, reference_answer(model, items, types, gaps), strict=True):
        assert answer.shape == expected.shape
        assert answer.dtype == np.float32
        assert np.isfinite(answer).all()
        np.testing.assert_allclose(answer, expected, atol=tolerance)


def test_the_item_encoder_gives_the_stored_vectors_and_some_for_items_never_seen(model, folder):
    vocabulary, stored = vocabulary_of(ITEM_COUNT), np.load(folder / ITEM_VECTORS)
    session = ort.InferenceSession(folder / ITEMS)
    assert [x.name for x in session.get_inputs()] == ["items", "title", "category", "price"]
    feed = encode(model.config.inputs, vocabulary.columns).fields
    np.testing.assert_allclose(session.run(None, {"items": np.arange(ITEM_COUNT + 1), **feed})[0], stored, atol=1e-5)
    unseen = session.run(None, {"items": np.zeros(1, dtype=np.int64), **{k: v[1:2] for k, v in feed.items()}})[0]
    assert not stored[0].any()
    assert unseen.any()


def test_exporting_says_nothing(model, tmp_path, capfd):
    export(model, vocabulary_of(ITEM_COUNT), tmp_path)
    assert capfd.readouterr() == ("", "")


def test_another_vocabulary_is_refused(model, tmp_path):
    with pytest.raises(BundleError) as error:
        export(model, vocabulary_of(3), tmp_path)
    assert str(error.value) == (
        "bundle: the model knows 20 items, the vocabulary 3; materialize the asset `trained_model` again"
    )
