"""Texts of error messages."""

import pickle

import pytest

from freshet.errors import LakeError, first_few, shorten


@pytest.mark.parametrize(("max_chars", "text"), [(5, "abcde"), (4, "abc…"), (1, "…")])
def test_a_text_is_cut_to_the_given_number_of_characters(max_chars, text):
    assert shorten("abcde", max_chars) == text


def test_the_first_few_of_many_texts_are_listed_and_the_others_counted():
    assert first_few(["a", "b"], 2) == "a, b"
    assert first_few(["a", "b", "c", "d"], 2) == "a, b and 2 more"
    assert first_few(["a", "b", "c"], 2, "; ") == "a; b; and 1 more"
    assert first_few(["a", "b", "c"], 1, noun="days") == "a and 2 more days"
    assert first_few([], 2) == ""


def test_an_error_survives_the_way_from_another_process():
    error = pickle.loads(pickle.dumps(LakeError("events", "is gone", "run it again")))
    assert (str(error), error.fix) == ("events: is gone; run it again", "run it again")
