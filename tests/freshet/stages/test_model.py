"""The stage that trains, on a real tiny set: what is kept, and what is refused."""

import dataclasses
from datetime import UTC, datetime

import pytest

from freshet.errors import FreshetError, LakeError
from freshet.live import journal
from freshet.model.run_params import RunParams
from freshet.model.warm import Remembered
from freshet.stages.model import model_path, train_model
from freshet.store import Store, open_store
from tests.freshet.model.test_resume import MachineIsGoneError, Spot
from tests.small_shop import TINY, SmallShop

pytestmark = pytest.mark.spark


def test_a_model_that_passes_is_kept_under_the_hash_of_its_files(small_shop):
    ref = small_shop.model
    assert len(ref.id) == 64
    names = {path.rsplit("/", 1)[1] for path in small_shop.store.list(model_path(ref.id))}
    assert names == {"model.json", "weights.safetensors"}
    assert ref.training_set == small_shop.training_set
    assert ref.parameters == {**TINY.model_dump(), "item_inputs": "title:words,category:category,price:number"}
    assert set(ref.metrics) == {"epoch", "loss", "validation_ndcg@10", "blended_ndcg@10"}


def test_training_again_gives_the_same_weights_and_tells_its_progress(small_shop, tmp_path):
    told = []
    again = train_model(small_shop.settings, open_store(str(tmp_path)), small_shop.training_set, TINY, told.append)
    assert again.ref is not None
    assert again.ref.model_copy(update={"cost": {}}) == small_shop.model.model_copy(update={"cost": {}})
    assert [progress.epoch for progress in told] == [1, 2, 3, 4]


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


def test_what_it_took_stands_in_the_reference_with_euro_where_the_machine_has_a_price(small_shop, tmp_path):
    assert set(small_shop.model.cost) == {"seconds", "device", "peak_mib", "interactions_per_second"}
    priced = small_shop.settings.model_copy(update={"euro_per_hour": 3600.0})
    ref = train_model(priced, open_store(str(tmp_path)), small_shop.training_set, TINY, lambda _: None).ref
    assert ref is not None
    assert ref.cost["euro"] == pytest.approx(ref.cost["seconds"], abs=0.01)  # a euro a second


def test_a_training_that_was_killed_is_taken_up_when_it_is_asked_for_again(small_shop, tmp_path, caplog):
    asked = small_shop.settings, small_shop.training_set, TINY, lambda _: None, RunParams(save_seconds=0.0)
    with pytest.raises(MachineIsGoneError):
        train_model(asked[0], Spot(str(tmp_path), 4), *asked[1:])
    store = open_store(str(tmp_path))
    assert len(store.list("unfinished")) == 3
    with caplog.at_level("INFO", "freshet"):
        again = train_model(asked[0], store, *asked[1:]).ref
    assert "going on after step 4, epoch 0, of the training that was stopped" in caplog.messages
    assert again is not None
    assert again.id == small_shop.model.id
    assert store.list("unfinished") == ()


def test_a_training_that_is_over_is_taken_up_where_its_model_was_not_kept(small_shop, tmp_path, monkeypatch, caplog):
    def full(*_: object) -> None:
        raise LakeError("lake", "is full", "make room")

    asked = small_shop.settings, open_store(str(tmp_path)), small_shop.training_set, TINY, lambda _: None
    with monkeypatch.context() as patched:
        patched.setattr(Store, "put_folder", full)
        with pytest.raises(LakeError):
            train_model(*asked)
    with caplog.at_level("INFO", "freshet"):
        again = train_model(*asked).ref
    assert any(line.startswith("going on after step") for line in caplog.messages)
    assert again is not None
    assert again.id == small_shop.model.id
    assert asked[1].list("unfinished") == ()


WARM = TINY.model_copy(update={"warm_start": "on", "warm_epochs": 1})


def released(shop: SmallShop, root: str) -> Store:
    """A store in which the shop's bundle is the champion."""
    store = open_store(root)
    for path in (*shop.store.list(f"bundles/{shop.bundle.id}"), *shop.store.list(model_path(shop.model.id))):
        store.put(path, shop.store.get(path))
    entry = journal.Entry(
        number=1, decided_on=0, kind="release", bundle=shop.bundle.id, verdict="", why="", at=datetime.now(UTC), by=""
    )
    journal.append(store, entry)
    return store


def test_a_warm_start_begins_with_the_champions_weights(small_shop, tmp_path):
    store = released(small_shop, str(tmp_path))
    outcome = train_model(small_shop.settings, store, small_shop.training_set, WARM, lambda _: None)
    assert outcome.made.warm_from == small_shop.model.id
    assert outcome.made.curve[0].loss < small_shop.model.metrics["loss"]
    assert outcome.made.remembered is not None
    assert outcome.ref is not None
    assert outcome.ref.metrics["warm_from"] == small_shop.model.id
    assert outcome.ref.id != small_shop.model.id


def test_without_a_release_a_warm_start_is_refused_and_where_it_may_be_cold_it_is(small_shop, tmp_path):
    store = open_store(str(tmp_path))
    with pytest.raises(FreshetError) as error:
        train_model(small_shop.settings, store, small_shop.training_set, WARM, lambda _: None)
    assert str(error.value) == (
        "warm_start=on: nothing has been released yet; set warm_start to auto or off, and a cold model is trained"
    )
    auto = WARM.model_copy(update={"warm_start": "auto"})
    outcome = train_model(small_shop.settings, store, small_shop.training_set, auto, lambda _: None)
    assert outcome.ref is not None
    assert outcome.ref.id == small_shop.model.id


def test_a_warm_start_that_forgets_is_refused_where_it_was_asked_for_and_trained_cold_where_it_may_be(
    small_shop, tmp_path, monkeypatch, caplog
):
    from freshet.model import training

    real = training.train

    def forgetful(*arguments):
        trained = real(*arguments)
        return dataclasses.replace(trained, remembered=trained.remembered and Remembered(40, 0.1, 0.085))

    monkeypatch.setattr(training, "train", forgetful)
    store = released(small_shop, str(tmp_path))
    refused = train_model(small_shop.settings, store, small_shop.training_set, WARM, lambda _: None)
    said = (
        "trained_model: NDCG@10 of 40 older baskets is 0.0850, 15% below the champion's 0.1000; "
        "train cold: set `warm_start` to off or auto"
    )
    assert (refused.ref, refused.message()) == (None, said)
    auto = WARM.model_copy(update={"warm_start": "auto"})
    outcome = train_model(small_shop.settings, store, small_shop.training_set, auto, lambda _: None)
    assert f"training cold: {said}" in caplog.messages
    assert outcome.ref is not None
    assert outcome.ref.id == small_shop.model.id
