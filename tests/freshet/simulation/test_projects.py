"""Projects: the order in which a shopper needs categories."""

import numpy as np

from freshet.simulation.projects import N_PROJECTS, Projects, generate_projects

THREE_PROJECTS = Projects(np.array([[1, 2, 0], [2, 0, 1]]), np.array([[2, 0, 1], [1, 2, 0]]))


def needed_category(project: int, category: int, owned: int = 0, drifted: bool = False) -> int:
    state = (np.array([project]), np.array([category]), np.array([owned]), np.array([drifted]))
    return int(THREE_PROJECTS.next_category(*state)[0])


def test_the_next_needed_category_depends_on_the_project() -> None:
    assert needed_category(project=0, category=0) == 1
    assert needed_category(project=1, category=0) == 2


def test_who_bought_a_and_b_wants_c() -> None:
    assert needed_category(project=0, category=0, owned=0b010) == 2
    assert needed_category(project=0, category=0, owned=0b001) == 1


def test_who_bought_of_everything_starts_again() -> None:
    assert needed_category(project=0, category=0, owned=0b111) == 0


def test_once_habits_have_drifted_something_else_is_needed() -> None:
    assert needed_category(project=0, category=0, drifted=False) == 1
    assert needed_category(project=0, category=0, drifted=True) == 2


def test_every_project_cycles_through_all_categories() -> None:
    all_projects = generate_projects(20, np.random.default_rng(1))
    for table in (all_projects.base_next, all_projects.drifted_next):
        assert table.shape == (N_PROJECTS, 20)
        for row in table:
            at, visited_categories = 0, []
            for _ in range(20):
                at = int(row[at])
                visited_categories.append(at)
            assert sorted(visited_categories) == list(range(20))
    assert (all_projects.base_next != all_projects.drifted_next).mean() > 0.8
