"""The training step on a tiny training set: stored models, refused models, resumed trainings, warm starts."""

import dataclasses
from datetime import UTC, datetime

import pytest

from freshet.artifacts import model_path
from freshet.errors import FreshetError, LakeError
from freshet.releases import journal
from freshet.steps.training.train import train_model
from freshet.store import Store, open_store
from freshet.training.run_params import RunParams
from freshet.training.warm_start import ForgettingReport
from tests.freshet.training.test_resume import MachineLostError, SpotStore
from tests.gate_cases import refusal_reason
from tests.small_shop import TINY_PARAMS, SmallShop

pytestmark = pytest.mark.spark


def test_a_model_that_passes_is_stored_under_the_hash_of_its_files(small_shop):
    ref = small_shop.model
    assert len(ref.id) == 64
    names = {path.rsplit("/", 1)[1] for path in small_shop.store.list(model_path(ref.id))}
    assert names == {"model.json", "weights.safetensors"}
    assert ref.training_set == small_shop.training_set
    assert ref.parameters == {**TINY_PARAMS.model_dump(), "item_schema": "title:words,category:category,price:number"}
    assert set(ref.metrics) == {"epoch", "loss", "validation_ndcg@10", "blended_ndcg@10"}


def test_training_again_gives_the_same_weights_and_reports_progress(small_shop, tmp_path):
    messages = []
    second = train_model(
        small_shop.settings, open_store(str(tmp_path)), small_shop.training_set, TINY_PARAMS, messages.append
    )
    assert second.ref is not None
    assert second.ref.model_copy(update={"cost": {}}) == small_shop.model.model_copy(update={"cost": {}})
    assert [progress.epoch for progress in messages] == [1, 2, 3, 4]


def test_a_model_with_a_weight_that_is_not_finite_is_refused(small_shop, tmp_path, monkeypatch):
    from freshet.training import trainer

    real = trainer.train

    def train_with_nan(*arguments):
        result = real(*arguments)
        weight = next(result.model.parameters())
        weight.data.view(-1)[0] = float("nan")
        return dataclasses.replace(result, model=result.model)

    monkeypatch.setattr(trainer, "train", train_with_nan)
    store = open_store(str(tmp_path))
    outcome = train_model(small_shop.settings, store, small_shop.training_set, TINY_PARAMS, lambda _: None)
    assert outcome.ref is None
    assert outcome.message() == "trained_model: 1 weights are not finite; lower `learning_rate`"
    assert store.list("models") == ()


def test_the_reference_holds_the_cost_with_euro_if_the_machine_has_a_price(small_shop, tmp_path):
    assert set(small_shop.model.cost) == {"seconds", "device", "peak_mib", "interactions_per_second"}
    priced = small_shop.settings.model_copy(update={"cost_per_hour_eur": 3600.0})
    ref = train_model(priced, open_store(str(tmp_path)), small_shop.training_set, TINY_PARAMS, lambda _: None).ref
    assert ref is not None
    assert ref.cost["euro"] == pytest.approx(ref.cost["seconds"], abs=0.01)  # a euro a second


def test_a_killed_training_is_resumed(small_shop, tmp_path, caplog):
    train_arguments = (
        small_shop.settings,
        small_shop.training_set,
        TINY_PARAMS,
        lambda _: None,
        RunParams(checkpoint_interval_s=0.0),
    )
    with pytest.raises(MachineLostError):
        train_model(train_arguments[0], SpotStore(str(tmp_path), 4), *train_arguments[1:])
    store = open_store(str(tmp_path))
    assert len(store.list("unfinished")) == 3
    with caplog.at_level("INFO", "freshet"):
        second = train_model(train_arguments[0], store, *train_arguments[1:]).ref
    assert "resuming the interrupted training after step 4, epoch 0" in caplog.messages
    assert second is not None
    assert second.id == small_shop.model.id
    assert store.list("unfinished") == ()


def test_a_finished_training_whose_model_was_not_stored_is_resumed(small_shop, tmp_path, monkeypatch, caplog):
    def raise_disk_full(*_: object) -> None:
        raise LakeError("lake", "is full", "make room")

    train_arguments = (
        small_shop.settings,
        open_store(str(tmp_path)),
        small_shop.training_set,
        TINY_PARAMS,
        lambda _: None,
    )
    with monkeypatch.context() as patched:
        patched.setattr(Store, "put_folder", raise_disk_full)
        with pytest.raises(LakeError):
            train_model(*train_arguments)
    with caplog.at_level("INFO", "freshet"):
        second = train_model(*train_arguments).ref
    assert any(line.startswith("resuming the interrupted training after step") for line in caplog.messages)
    assert second is not None
    assert second.id == small_shop.model.id
    assert train_arguments[1].list("unfinished") == ()


WARM_PARAMS = TINY_PARAMS.model_copy(update={"warm_start": "on", "warm_epochs": 1})


def store_with_champion(shop: SmallShop, root: str) -> Store:
    """A store in which the shop's bundle is the champion."""
    store = open_store(root)
    for path in (*shop.store.list(f"bundles/{shop.bundle.id}"), *shop.store.list(model_path(shop.model.id))):
        store.put(path, shop.store.get(path))
    entry = journal.JournalEntry(
        number=1, decided_on=0, kind="release", bundle=shop.bundle.id, verdict="", why="", at=datetime.now(UTC), by=""
    )
    journal.append_entry(store, entry)
    return store


def test_a_warm_start_begins_with_the_champions_weights(small_shop, tmp_path):
    store = store_with_champion(small_shop, str(tmp_path))
    outcome = train_model(small_shop.settings, store, small_shop.training_set, WARM_PARAMS, lambda _: None)
    assert outcome.value.warm_start_id == small_shop.model.id
    assert outcome.value.curve[0].loss < small_shop.model.metrics["loss"]
    assert outcome.value.forgetting is not None
    assert outcome.ref is not None
    assert outcome.ref.metrics["warm_from"] == small_shop.model.id
    assert outcome.ref.id != small_shop.model.id


def test_without_a_release_a_warm_start_is_refused_or_cold(small_shop, tmp_path):
    store = open_store(str(tmp_path))
    with pytest.raises(FreshetError) as error:
        train_model(small_shop.settings, store, small_shop.training_set, WARM_PARAMS, lambda _: None)
    assert str(error.value) == (
        "warm_start=on: there is no release yet; set warm_start to auto or off for a cold start"
    )
    auto = WARM_PARAMS.model_copy(update={"warm_start": "auto"})
    outcome = train_model(small_shop.settings, store, small_shop.training_set, auto, lambda _: None)
    assert outcome.ref is not None
    assert outcome.ref.id == small_shop.model.id


def test_a_forgetting_warm_start_is_refused_or_trained_cold(small_shop, tmp_path, monkeypatch, caplog):
    from freshet.training import trainer

    real = trainer.train

    def train_forgetful(*arguments):
        result = real(*arguments)
        return dataclasses.replace(result, forgetting=result.forgetting and ForgettingReport(40, 0.1, 0.085))

    monkeypatch.setattr(trainer, "train", train_forgetful)
    store = store_with_champion(small_shop, str(tmp_path))
    refused_result = train_model(small_shop.settings, store, small_shop.training_set, WARM_PARAMS, lambda _: None)
    reason = refusal_reason(
        "trained_model", "no_forgetting", older_cases=40, older_ndcg=0.085, champion_older_ndcg=0.1, forgetting=0.15
    )
    message = f"trained_model: {reason}"
    assert (refused_result.ref, refused_result.message()) == (None, message)
    auto = WARM_PARAMS.model_copy(update={"warm_start": "auto"})
    outcome = train_model(small_shop.settings, store, small_shop.training_set, auto, lambda _: None)
    assert f"training cold: {message}" in caplog.messages
    assert outcome.ref is not None
    assert outcome.ref.id == small_shop.model.id
