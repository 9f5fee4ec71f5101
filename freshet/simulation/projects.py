"""Projects: the order in which a shopper needs things. After a tent one needs a sleeping bag, another a backpack.

What is needed next depends on the category and on the project, and so on the categories before it: the last item alone
does not tell. What was bought before is no longer needed, and the project goes on past it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

PROJECTS: Final = 3
SKIPS: Final = 2  # categories in a row that are passed over, at most


@dataclass(frozen=True)
class Projects:
    """By project and category: which category is needed next."""

    usual: Ints  # (PROJECTS, C) each row one round through all categories
    changed: Ints  # (PROJECTS, C) where habits have drifted

    def needed(self, project: Ints, category: Ints, owned: Ints, drifted: NDArray[np.bool_]) -> Ints:
        """(B,) the category after `category`. owned: (B,) a bit for each category something was bought of.

        drifted: (B,) whose habits have changed. All of a shopper's, so that every shopper still goes through all
        categories, and none is looked at more than before.
        """
        following = self._after(project, category, drifted)
        for _ in range(SKIPS):
            passed = owned >> following & 1 == 1
            following = np.where(passed, self._after(project, following, drifted), following)
        return following

    def _after(self, project: Ints, category: Ints, drifted: NDArray[np.bool_]) -> Ints:
        return np.where(drifted, self.changed[project, category], self.usual[project, category])


def projects(categories: int, rng: np.random.Generator) -> Projects:
    """Every project, usual and changed, in an order of its own."""
    usual, changed = (np.stack([_round(categories, rng) for _ in range(PROJECTS)]) for _ in range(2))
    return Projects(usual, changed)


def _round(categories: int, rng: np.random.Generator) -> Ints:
    order = rng.permutation(categories)
    following = np.empty(categories, np.int64)
    following[order] = np.roll(order, -1)
    return following
