from datetime import date

import pytest

from freshet.stages.looks import first_look, keep_look, look_path, spent_window
from freshet.store import Store
from freshet.tables.reading import EPOCH

SEVENTH = (date(2024, 3, 7) - EPOCH).days
FIRST, SECOND, CHAMPION = "a" * 64, "b" * 64, "c" * 64


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(str(tmp_path))


def test_days_that_have_judged_nothing_hold_nothing(store):
    assert first_look(store, CHAMPION, SEVENTH) is None
    assert spent_window(store, CHAMPION, SEVENTH, FIRST) == ()


def test_a_second_model_on_the_same_days_waits_for_a_person(store):
    keep_look(store, CHAMPION, SEVENTH, FIRST)
    (held,) = spent_window(store, CHAMPION, SEVENTH, SECOND)
    assert held == (
        "the baskets landed up to 2024-03-07 have judged bundle aaaaaaaaaaaa already, and the best of several models "
        "looks better on the same baskets than it is (make a new model when another day has landed, or say that this "
        'one may serve: `freshet release bbbbbbbbbbbb --why "…"`)'
    )


def test_the_same_model_may_be_judged_again(store):
    keep_look(store, CHAMPION, SEVENTH, FIRST)
    assert spent_window(store, CHAMPION, SEVENTH, FIRST) == ()


def test_the_first_model_stays_the_first(store):
    keep_look(store, CHAMPION, SEVENTH, FIRST)
    keep_look(store, CHAMPION, SEVENTH, SECOND)
    assert first_look(store, CHAMPION, SEVENTH) == FIRST


def test_another_day_and_another_champion_are_another_look(store):
    keep_look(store, CHAMPION, SEVENTH, FIRST)
    assert spent_window(store, CHAMPION, SEVENTH + 1, SECOND) == ()
    assert spent_window(store, None, SEVENTH, SECOND) == ()


def test_the_marker_names_champion_and_day():
    assert look_path("c" * 64, SEVENTH) == f"windows/{'c' * 64}/2024-03-07"
    assert look_path(None, SEVENTH) == "windows/none/2024-03-07"
