"""Projects: the order in which a shopper needs categories, such as a sleeping bag after a tent.

The next category depends on the current one and on the project, so the last item alone does not predict it. A project
skips categories of which the shopper already bought something.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from freshet.simulation.array_types import Bools, Ints

N_PROJECTS: Final = 3
MAX_SKIPPED_CATEGORIES: Final = 2  # categories skipped in a row


@dataclass(frozen=True)
class Projects:
    """The next category by project and category."""

    base_next: Ints  # (N_PROJECTS, C) each row is one cycle through all categories
    drifted_next: Ints  # (N_PROJECTS, C) after a habit drift

    def next_category(self, project: Ints, category: Ints, owned_categories: Ints, is_drifted: Bools) -> Ints:
        """Return the next category (B,) that is not owned.

        owned_categories: (B,) bit c is set if something of category c was bought. is_drifted: (B,) shoppers whose
        habits have drifted: all their steps change, so they still visit every category equally often.
        """
        next_category = self._successor(project, category, is_drifted)
        for _ in range(MAX_SKIPPED_CATEGORIES):
            is_owned = owned_categories >> next_category & 1 == 1
            next_category = np.where(is_owned, self._successor(project, next_category, is_drifted), next_category)
        return next_category

    def _successor(self, project: Ints, category: Ints, is_drifted: Bools) -> Ints:
        return np.where(is_drifted, self.drifted_next[project, category], self.base_next[project, category])


def generate_projects(n_categories: int, rng: np.random.Generator) -> Projects:
    """Draw a random cycle for every project, before and after a habit drift."""
    base_next, drifted_next = (
        np.stack([_random_cycle(n_categories, rng) for _ in range(N_PROJECTS)]) for _ in range(2)
    )
    return Projects(base_next, drifted_next)


def _random_cycle(n_categories: int, rng: np.random.Generator) -> Ints:
    order = rng.permutation(n_categories)
    successor = np.empty(n_categories, np.int64)
    successor[order] = np.roll(order, -1)
    return successor
