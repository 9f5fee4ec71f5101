"""Counting JSON lines without Spark: one object per line, and every key of the mapping in at least one record."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freshet.ingest.files import json_scan
from freshet.ingest.files.json_scan import scan_json


def scan_text(text: str, names: tuple[str, ...] = ()) -> tuple[int, str | None]:
    scan = scan_json(io.BytesIO(text.encode()), names)
    return scan.records, None if scan.issue is None else scan.issue.problem


@pytest.mark.parametrize(
    ("text", "records"),
    [
        ("", 0),
        ('{"a": 1}', 1),
        ('\ufeff{"a": 1}\n{"a": 2}\n', 2),
        ('{"a": 1}\r\n\r\n{"a": 2}\n  \n', 2),
        ('{"a": 1}\r{"a": 2}\r', 2),
        ('{"a": "} {"}\n{"a": [{"b": 1}, {"b": 2}]}', 2),
        ('{"a": 1}\n{"a\nnull\n5\n{\'a\': 1}\n', 5),  # what is no JSON is a record that the contract refuses
    ],
)
def test_every_line_that_is_not_blank_is_a_record(text, records):
    assert scan_text(text) == (records, None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1}\n\n{"a": 1} {"a": 2}\n', "has more than one JSON object in line 3"),
        ('{"a": 1}\n{"a": 1},{"a": 2}\n', "has more than one JSON object in line 2"),
        ('{"a": 1}\n{"a": 1}{"a": 2}\n{"a\n', "has more than one JSON object in line 2"),
        ('{"a": 1} x\n', "has text after a JSON value in line 1"),
        ('{"a": 1},\n{"a": 2},\n', "has text after a JSON value in line 1"),
        ('{\n  "a": 1\n}\n', "has text after a JSON value in line 2"),
        ('{"a": 1}\n [{"a": 1}, {"a": 2}]\n', "has a list in line 2, not one object"),
    ],
)
def test_lines_that_spark_would_misread_are_found(text, problem):
    assert scan_text(text)[1] == problem


def test_a_key_that_no_record_has_is_missing_and_one_that_some_record_has_is_not():
    text = '{"a": 1, "list": [{"b": 1}]}\n{"A": 1, "c" : 2, "d": "\\"e\\""}\n'
    assert scan_text(text, ("a", "b", "c")) == (2, None)
    assert scan_text(text, ("a", "e", "B")) == (2, "has 2 records and in none of them the columns B, e")
    assert scan_text("\n", ("a",)) == (0, None)


@pytest.mark.parametrize("key", [r"St\u00fcck", r"St\u00FCck", "Stück", r"\u0053tück"])
def test_a_key_may_be_written_with_escapes(key):
    assert scan_text(f'{{"{key}": 1}}\n', ("Stück",)) == (1, None)
    assert scan_text(r'{"a\/b": 1, "\ud83d\ude00": 2}', ("a/b", "😀")) == (1, None)
    assert scan_text(f'{{"{key}": 1}}\n', ("Stock",))[1] == "has 1 records and in none of them the column Stock"


@given(st.lists(st.sampled_from(['{"a": "\u2028x"}', "", "{", '{"b": [1, {"c": 2}]}', " "])), st.integers(1, 40))
def test_blocks_do_not_change_the_result(lines, block):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(json_scan, "BLOCK_BYTES", block)
        assert scan_text("\r\n".join(lines)) == (sum(bool(line.strip()) for line in lines), None)
