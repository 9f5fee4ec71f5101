"""Readers of public data files: accepted formats, and errors that name the line."""

import gzip

import pytest

from benchmarks.quality.files import read_interactions, read_sessions
from freshet.errors import FreshetError


def write_file(tmp_path, text, name="file.txt"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_line_per_shopper_keeps_its_order(tmp_path):
    read_back = read_interactions(write_file(tmp_path, "anna a b c\nbob c a\n"))
    assert read_back.owners.tolist() == ["anna", "bob"]
    assert read_back.offsets.tolist() == [0, 3, 5]
    assert read_back.items.tolist() == ["a", "b", "c", "c", "a"]
    assert read_back.times is None


def test_pairs_of_a_shopper_may_be_scattered_over_the_file(tmp_path):
    read_back = read_interactions(write_file(tmp_path, "9 a\n2 b\n9 c\n2 a\n"))
    assert read_back.owners.tolist() == ["9", "2"]  # in the order of the file
    assert read_back.items.tolist() == ["a", "c", "b", "a"]


def test_an_empty_file_is_an_error(tmp_path):
    path = write_file(tmp_path, "")
    with pytest.raises(FreshetError) as error:
        read_interactions(path)
    assert str(error.value) == f"{path}: no line in it; give a file with lines `user item item …` or `user item`"


def test_a_line_without_an_item_is_named(tmp_path):
    path = write_file(tmp_path, "anna a b\nbob\n")
    with pytest.raises(FreshetError) as error:
        read_interactions(path)
    assert str(error.value) == (
        f"{path}, line 2: 'bob' has no item; write `user item item …` or `user item` on every line"
    )


def test_a_shopper_on_two_lines_is_named(tmp_path):
    path = write_file(tmp_path, "anna a b\nbob a c\nanna c d\n")
    with pytest.raises(FreshetError) as error:
        read_interactions(path)
    assert str(error.value) == (
        f"{path}, line 3: shopper anna stands on line 1 already; write all items of a shopper on one line"
    )


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(FreshetError, match=r"absent.txt: cannot be read: .*; give a text file, as it is or as .gz"):
        read_interactions(tmp_path / "absent.txt")


def test_clicks_are_sorted_by_time_within_their_session(tmp_path):
    read_back = read_sessions(write_file(tmp_path, "SessionId\tItemId\tTime\n7\tx\t30.9\n5\ty\t20\n7\tz\t10\n"))
    assert read_back.owners.tolist() == ["7", "5"]
    assert read_back.items.tolist() == ["z", "x", "y"]
    assert read_back.times.tolist() == [10, 30, 20]


def test_a_file_without_a_header_has_session_item_and_time_in_this_order(tmp_path):
    path = tmp_path / "clicks.gz"
    path.write_bytes(gzip.compress(b"1\t8\t1600000000000\n1\t9\t1600000001000\n"))
    read_back = read_sessions(path)
    assert read_back.items.tolist() == ["8", "9"]
    assert read_back.times.tolist() == [1_600_000_000, 1_600_000_001]  # milliseconds


def test_named_columns_and_written_dates(tmp_path):
    path = write_file(tmp_path, "when\twhat\twho\n1970-01-01T00:01:00Z\ta\ts\n1970-01-02\tb\ts\n")
    read_back = read_sessions(path, ("who", "what", "when"))
    assert read_back.times.tolist() == [60, 86_400]


def test_a_missing_column_is_named(tmp_path):
    path = write_file(tmp_path, "SessionId\tProduct\tTime\n1\ta\t5\n")
    with pytest.raises(FreshetError) as error:
        read_sessions(path)
    assert str(error.value) == (
        f"{path}: no column for item (there is: SessionId, Product, Time); "
        "name them in this order: --columns session,item,time"
    )


def test_two_columns_are_too_few(tmp_path):
    path = write_file(tmp_path, "1,a,5\n")
    with pytest.raises(FreshetError) as error:
        read_sessions(path)
    assert str(error.value) == (
        f"{path}: 1 tab-separated columns in the first line, where session, item and time are three; "
        "give a tab-separated file with a row per click"
    )


def test_an_invalid_time_is_named(tmp_path):
    path = write_file(tmp_path, "session\titem\ttime\n1\ta\t1970-01-01\n1\tb\tsoon\n")
    with pytest.raises(FreshetError) as error:
        read_sessions(path)
    assert str(error.value) == (
        f"{path}, row 2: 'soon' is not a time, nor are 0 more; write seconds since 1970 or ISO 8601"
    )
