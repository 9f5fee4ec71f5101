"""Columns of text: a long value does not widen the others, in memory and in files."""

import tracemalloc

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freshet.data.text_columns import blank_texts, pack_texts, text_array, unpack_texts
from freshet.features.latest_histories import build_latest_histories
from freshet.inference.bundle import load_vocabulary, save_vocabulary
from freshet.tables.reader import to_vocabulary

N_ROWS = 2_000
LONG_TEXT = "x" * 100_000  # padded to it, 2,000 values would take 800 MB
MEMORY_LIMIT_BYTES = 20_000_000  # bytes


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_a_packed_column_is_unpacked_unchanged(values):
    unpacked_columns = unpack_texts(pack_texts({"title": text_array(values), "price": np.arange(3)}))
    assert (unpacked_columns["title"].tolist(), unpacked_columns["price"].tolist()) == (values, [0, 1, 2])


def test_none_is_an_empty_text():
    assert text_array(["a", None]).tolist() == ["a", ""]
    assert blank_texts(2).tolist() == ["", ""]


def test_text_of_an_older_file_is_read():
    assert unpack_texts({"title": np.array(["a", "bcd"])})["title"].tolist() == ["a", "bcd"]


@pytest.fixture
def peak_memory():
    """The peak of allocated bytes since the start of the test, without the imports that reading a table needs."""
    to_vocabulary(item_table("Mug"))
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def item_table(title: str) -> pa.Table:
    ids = [f"i{number}" for number in range(N_ROWS)]
    return pa.table(
        {
            "item_id": ids, "title": [title, *["Mug"] * (N_ROWS - 1)], "category": [None] * N_ROWS,
            "price": pa.array([None] * N_ROWS, pa.float64()), "tombstone": [False] * N_ROWS, "generation": [1] * N_ROWS,
        }
    )  # fmt: skip


def test_one_long_title_does_not_widen_all_others(peak_memory, tmp_path):
    vocabulary = to_vocabulary(item_table(LONG_TEXT))
    save_vocabulary(vocabulary, tmp_path / "v.npz")
    assert load_vocabulary(tmp_path / "v.npz").titles[1] == LONG_TEXT
    assert peak_memory() < MEMORY_LIMIT_BYTES
    assert (tmp_path / "v.npz").stat().st_size < MEMORY_LIMIT_BYTES


def test_one_long_item_id_does_not_widen_the_latest_histories(peak_memory):
    moment = pa.scalar(0, pa.timestamp("us", "UTC"))
    event = pa.struct([("event_time", moment.type), ("item_id", pa.string()), ("event_type", pa.string())])
    event_rows = [
        [{"event_time": moment.as_py(), "item_id": LONG_TEXT if row == 7 else f"i{row}", "event_type": "view"}]
        for row in range(N_ROWS)
    ]
    rows = pa.table(
        {
            "shopper": [f"{row:032x}" for row in range(N_ROWS)], "events": pa.array(event_rows, pa.list_(event)),
            "landing_date": pa.array([19783] * N_ROWS, pa.date32()),
        }
    )  # fmt: skip
    latest = build_latest_histories(rows, 400)
    assert latest["item_ids"][latest["items"][7]] == LONG_TEXT
    assert latest["item_ids"].tolist() == sorted(latest["item_ids"].tolist())
    assert peak_memory() < MEMORY_LIMIT_BYTES
