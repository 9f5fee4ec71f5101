"""Projects: the order in which a shopper needs things. After a tent one needs a sleeping bag, another a backpack.

What is needed next depends on the category and on the project, and so on the categories before it: the last item alone
does not tell. What was bought before is no longer needed, and the project goes on past it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

N_PROJECTS: Final = 3
MAX_SKIPPED_CATEGORIES: Final = 2  # categories in a row that are passed over, at most


@dataclass(frozen=True)
class Projects:
    """By project and category: which category is needed next."""

    base_next: Ints  # (PROJECTS, C) each row one round through all categories
    drifted_next: Ints  # (PROJECTS, C) where habits have drifted

    def next_category(
        self, project: Ints, category: Ints, owned_categories: Ints, is_drifted: NDArray[np.bool_]
    ) -> Ints:
        """(B,) the category after `category`. owned: (B,) a bit for each category something was bought of.

        drifted: (B,) whose habits have changed. All of a shopper's, so that every shopper still goes through all
        categories, and none is looked at more than before.
        """
        next_category = self._successor(project, category, is_drifted)
        for _ in range(MAX_SKIPPED_CATEGORIES):
            is_owned = owned_categories >> next_category & 1 == 1
            next_category = np.where(is_owned, self._successor(project, next_category, is_drifted), next_category)
        return next_category

    def _successor(self, project: Ints, category: Ints, is_drifted: NDArray[np.bool_]) -> Ints:
        return np.where(is_drifted, self.drifted_next[project, category], self.base_next[project, category])


def generate_projects(n_categories: int, rng: np.random.Generator) -> Projects:
    """Every project, usual and changed, in an order of its own."""
    base_next, drifted_next = (
        np.stack([_random_cycle(n_categories, rng) for _ in range(N_PROJECTS)]) for _ in range(2)
    )
    return Projects(base_next, drifted_next)


def _random_cycle(n_categories: int, rng: np.random.Generator) -> Ints:
    order = rng.permutation(n_categories)
    successor = np.empty(n_categories, np.int64)
    successor[order] = np.roll(order, -1)
    return successor
