"""The stage that trains, on a real tiny set: what is kept, and what is refused."""

import dataclasses

import pytest

from freshet.stages.model import model_path, train_model
from freshet.store import open_store
from tests.small_shop import TINY

pytestmark = pytest.mark.spark


def test_a_model_that_passes_is_kept_under_the_hash_of_its_files(small_shop):
    ref = small_shop.model
    assert len(ref.id) == 64
    names = {path.rsplit("/", 1)[1] for path in small_shop.store.list(model_path(ref.id))}
    assert names == {"model.json", "weights.safetensors"}
    assert ref.training_set == small_shop.training_set
    assert ref.parameters == TINY.model_dump()
    assert set(ref.metrics) == {"epoch", "loss", "validation_ndcg@10"}


def test_training_again_gives_the_same_weights_and_tells_its_progress(small_shop, tmp_path):
    told = []
    again = train_model(small_shop.settings, open_store(str(tmp_path)), small_shop.training_set, TINY, told.append)
    assert again.ref == small_shop.model
    assert [progress.epoch for progress in told] == [1]


def test_a_model_with_a_weight_that_is_no_number_is_refused_and_nothing_is_kept(small_shop, tmp_path, monkeypatch):
    from freshet.model import training

    real = training.train

    def with_a_nan(*arguments):
        trained = real(*arguments)
        weight = next(trained.model.parameters())
        weight.data.view(-1)[0] = float("nan")
        return dataclasses.replace(trained, model=trained.model)

    monkeypatch.setattr(training, "train", with_a_nan)
    store = open_store(str(tmp_path))
    outcome = train_model(small_shop.settings, store, small_shop.training_set, TINY, lambda _: None)
    assert outcome.ref is None
    assert outcome.message() == "trained_model: 1 weights are not finite; lower `learning_rate`"
    assert store.list("models") == ()
