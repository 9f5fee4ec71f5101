"""Published references: written and read back, under the asset's former name and the fields' former names, too."""

import json
from datetime import date
from pathlib import Path

import pytest

from freshet.artifacts import (
    BundleRef,
    ContentEmbeddingsRef,
    EvaluationRef,
    LatestHistoriesRef,
    ModelRef,
    TrainingSetRef,
    TuningRef,
    publish,
    published,
    reference_path,
)
from freshet.store import Store, open_store

TRAINING_SET = TrainingSetRef(as_of=date(2024, 3, 4), train_until=date(2024, 3, 2), snapshots={"histories": 7 * 10**18})
MODEL = ModelRef(id="a" * 64, training_set=TRAINING_SET, parameters={"hidden_dim": 16}, metrics={"epoch": 3})
BUNDLE = BundleRef(id="b" * 64, model=MODEL)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path))


@pytest.mark.parametrize(
    "ref",
    [TRAINING_SET, MODEL, BUNDLE, EvaluationRef(id="c" * 64, bundle=BUNDLE, decided_on=4)],
    ids=lambda ref: type(ref).__name__,
)
def test_a_reference_is_read_as_it_was_published(store, ref):
    publish(store, "thing", ref)
    assert published(store, "thing", type(ref)) == ref


def test_the_last_published_reference_counts(store):
    for name in ("first", "second"):
        publish(store, "latest_histories", LatestHistoriesRef(id=name, as_of=date(2024, 3, 4)))
    histories = published(store, "latest_histories", LatestHistoriesRef)
    assert histories is not None
    assert histories.id == "second"


def test_an_asset_that_was_never_published_has_no_reference(store):
    assert published(store, "tuning", TuningRef) is None


def test_a_renamed_asset_is_read_under_its_former_name_until_it_is_published_again(store):
    store.put(reference_path("item_vectors"), b'{"id": "old", "sizes": {"text": 384}}')
    assert published(store, "content_embeddings", ContentEmbeddingsRef) == ContentEmbeddingsRef(
        id="old", dims={"text": 384}
    )
    publish(store, "content_embeddings", ContentEmbeddingsRef(id="new", dims={}))
    assert published(store, "content_embeddings", ContentEmbeddingsRef) == ContentEmbeddingsRef(id="new", dims={})


def test_a_training_set_of_an_earlier_version_is_read(store):
    stored = {"as_of": "2024-03-04", "cut": "2024-03-02", "snapshots": {"histories": 7}, "item_vectors": "abc"}
    store.put(reference_path("training_set"), json.dumps(stored).encode())
    ref = published(store, "training_set", TrainingSetRef)
    assert ref is not None
    assert (ref.train_until, ref.content_embeddings) == (date(2024, 3, 2), "abc")
