"""Evaluation windows: a second model on the same days is held."""

from datetime import date

import pytest

from freshet.data.day_numbers import day_number
from freshet.steps.evaluation.windows import (
    first_evaluated_bundle,
    record_evaluated_bundle,
    reused_window_reasons,
    window_path,
)
from freshet.store import Store

SEVENTH_DAY = day_number(date(2024, 3, 7))
FIRST_BUNDLE, SECOND_BUNDLE, CHAMPION_BUNDLE = "a" * 64, "b" * 64, "c" * 64


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(str(tmp_path))


def test_the_first_evaluation_on_a_window_has_no_hold(store):
    assert first_evaluated_bundle(store, CHAMPION_BUNDLE, SEVENTH_DAY) is None
    assert reused_window_reasons(store, CHAMPION_BUNDLE, SEVENTH_DAY, FIRST_BUNDLE) == ()


def test_a_second_model_on_the_same_days_waits_for_a_person(store):
    record_evaluated_bundle(store, CHAMPION_BUNDLE, SEVENTH_DAY, FIRST_BUNDLE)
    (hold_reason,) = reused_window_reasons(store, CHAMPION_BUNDLE, SEVENTH_DAY, SECOND_BUNDLE)
    assert hold_reason == (
        "the baskets landed up to 2024-03-07 have already been used to evaluate bundle aaaaaaaaaaaa, and the best of "
        "several models looks better on the same baskets than it is (train a new model when another day has landed, or "
        'release this one yourself: `freshet release bbbbbbbbbbbb --why "…"`)'
    )


def test_the_same_model_may_be_evaluated_again(store):
    record_evaluated_bundle(store, CHAMPION_BUNDLE, SEVENTH_DAY, FIRST_BUNDLE)
    assert reused_window_reasons(store, CHAMPION_BUNDLE, SEVENTH_DAY, FIRST_BUNDLE) == ()


def test_the_first_model_stays_the_first(store):
    record_evaluated_bundle(store, CHAMPION_BUNDLE, SEVENTH_DAY, FIRST_BUNDLE)
    record_evaluated_bundle(store, CHAMPION_BUNDLE, SEVENTH_DAY, SECOND_BUNDLE)
    assert first_evaluated_bundle(store, CHAMPION_BUNDLE, SEVENTH_DAY) == FIRST_BUNDLE


def test_another_day_or_another_champion_is_another_window(store):
    record_evaluated_bundle(store, CHAMPION_BUNDLE, SEVENTH_DAY, FIRST_BUNDLE)
    assert reused_window_reasons(store, CHAMPION_BUNDLE, SEVENTH_DAY + 1, SECOND_BUNDLE) == ()
    assert reused_window_reasons(store, None, SEVENTH_DAY, SECOND_BUNDLE) == ()


def test_the_marker_names_champion_and_day():
    assert window_path("c" * 64, SEVENTH_DAY) == f"windows/{'c' * 64}/2024-03-07"
    assert window_path(None, SEVENTH_DAY) == "windows/none/2024-03-07"
