import numpy as np

from freshet.simulation.projects import PROJECTS, Projects, projects

THREE = Projects(np.array([[1, 2, 0], [2, 0, 1]]), np.array([[2, 0, 1], [1, 2, 0]]))


def needed(project: int, category: int, owned: int = 0, drifted: bool = False) -> int:
    state = (np.array([project]), np.array([category]), np.array([owned]), np.array([drifted]))
    return int(THREE.needed(*state)[0])


def test_what_is_needed_after_a_category_depends_on_the_project() -> None:
    assert needed(project=0, category=0) == 1
    assert needed(project=1, category=0) == 2


def test_who_bought_a_and_b_wants_c() -> None:
    assert needed(project=0, category=0, owned=0b010) == 2
    assert needed(project=0, category=0, owned=0b001) == 1


def test_who_bought_of_everything_starts_again() -> None:
    assert needed(project=0, category=0, owned=0b111) == 0


def test_once_habits_have_drifted_something_else_is_needed() -> None:
    assert needed(project=0, category=0, drifted=False) == 1
    assert needed(project=0, category=0, drifted=True) == 2


def test_every_project_goes_once_round_through_all_categories() -> None:
    found = projects(20, np.random.default_rng(1))
    for table in (found.usual, found.changed):
        assert table.shape == (PROJECTS, 20)
        for row in table:
            at, met = 0, []
            for _ in range(20):
                at = int(row[at])
                met.append(at)
            assert sorted(met) == list(range(20))
    assert (found.usual != found.changed).mean() > 0.8
