"""Columns of text: every value takes what it needs, in memory and in files."""

import tracemalloc

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freshet.live.bundle import load_vocabulary, save_vocabulary
from freshet.tables.latest import gathered
from freshet.tables.reading import described
from freshet.texts import no_texts, packed, texts, unpacked

ROWS = 2_000
LONG = "x" * 100_000  # padded to it, 2,000 values would take 800 MB
ROOM = 20_000_000  # bytes


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_a_column_comes_back_as_it_was_packed(values):
    back = unpacked(packed({"title": texts(values), "price": np.arange(3)}))
    assert (back["title"].tolist(), back["price"].tolist()) == (values, [0, 1, 2])


def test_nothing_is_an_empty_text():
    assert texts(["a", None]).tolist() == ["a", ""]
    assert no_texts(2).tolist() == ["", ""]


def test_text_as_an_older_file_has_it_is_read():
    assert unpacked({"title": np.array(["a", "bcd"])})["title"].tolist() == ["a", "bcd"]


@pytest.fixture
def peak():
    """Bytes that were held at most since the test began."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def items(title: str) -> pa.Table:
    ids = [f"i{number}" for number in range(ROWS)]
    return pa.table(
        {
            "item_id": ids, "title": [title, *["Mug"] * (ROWS - 1)], "category": [None] * ROWS,
            "price": pa.array([None] * ROWS, pa.float64()), "tombstone": [False] * ROWS, "generation": [1] * ROWS,
        }
    )  # fmt: skip


def test_one_long_title_of_an_old_lake_does_not_widen_all_others(peak, tmp_path):
    vocabulary = described(items(LONG))
    save_vocabulary(vocabulary, tmp_path / "v.npz")
    assert load_vocabulary(tmp_path / "v.npz").titles[1] == LONG
    assert peak() < ROOM
    assert (tmp_path / "v.npz").stat().st_size < ROOM


def test_one_long_item_id_does_not_widen_the_latest_histories(peak):
    moment = pa.scalar(0, pa.timestamp("us", "UTC"))
    event = pa.struct([("event_time", moment.type), ("item_id", pa.string()), ("event_type", pa.string())])
    seen = [[{"event_time": moment.as_py(), "item_id": LONG if row == 7 else f"i{row}", "event_type": "view"}]
            for row in range(ROWS)]  # fmt: skip
    rows = pa.table(
        {
            "shopper": [f"{row:032x}" for row in range(ROWS)], "events": pa.array(seen, pa.list_(event)),
            "landing_date": pa.array([19783] * ROWS, pa.date32()),
        }
    )  # fmt: skip
    found = gathered(rows, 400)
    assert found["item_ids"][found["items"][7]] == LONG
    assert found["item_ids"].tolist() == sorted(found["item_ids"].tolist())
    assert peak() < ROOM
