"""The bundle's proof without Spark: exported, put on the ladder, sealed with golden requests that ask all of it."""

from datetime import date

import numpy as np
import pytest
import torch

from freshet.content import encode, fitted
from freshet.errors import BundleError
from freshet.live.bundle import open_bundle
from freshet.live.golden import check_golden
from freshet.live.manifest import seal
from freshet.live.ranker import open_ranker
from freshet.model.params import ModelConfig, TrainParams
from freshet.model.transformer import Recommender
from freshet.references import ModelRef, TrainingSetRef
from freshet.stages.bundle import _fill, _profile, _proven
from tests.checkerboard import checkerboard

SHAPE = TrainParams(length=8, width=16, vector=16, heads=1, blocks=1, members=1)
REF = ModelRef(
    id="m",
    training_set=TrainingSetRef(as_of=date(1970, 1, 21), cut=date(1970, 1, 15), snapshots={}),
    parameters={},
    metrics={},
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder, data = tmp_path_factory.mktemp("bundle"), checkerboard()
    torch.manual_seed(0)
    inputs = fitted(data.vocabulary.inputs, data.vocabulary.columns)
    config = ModelConfig.of(SHAPE, len(data.vocabulary), inputs)
    model = Recommender(config).know(encode(inputs, data.vocabulary.columns))
    model.begin(torch.randn(len(data.vocabulary) + 1, 16), torch.randn(len(data.vocabulary) + 1))
    _fill(folder, model.eval(), data, lambda _: None)
    return folder, *_proven(folder, model, data, REF)


def test_what_is_sealed_answers_the_same_in_a_group_and_as_it_did_at_export(made):
    folder, proven, why = made
    assert why == ""
    profile = _profile(proven, why)
    assert profile["together"] == 1.0
    assert profile["latency"].startswith("one request takes ")
    assert check_golden(open_ranker(open_bundle(folder))) < 1e-3


def test_sealed_again_with_shuffled_item_vectors_it_is_refused(made):
    folder, proven, _ = made
    manifest = proven.bundle.manifest
    path = folder / "item_vectors.npy"
    whole = path.read_bytes()
    vectors = np.load(path)
    np.save(path, np.concatenate([vectors[:1], vectors[:0:-1]]))
    facts = manifest.model_dump(include={"precision", "length", "event_type", "created_by"})
    more = {"item_inputs": manifest.item_inputs, "blend": manifest.blend}
    seal(folder, **facts, **more, lineage={}, parameters={}, metrics={})
    with pytest.raises(BundleError, match="its lists are not those at export"):
        check_golden(open_ranker(open_bundle(folder)))
    path.write_bytes(whole)
