"""What the gateway serves now: the loaded release and the lake's artifacts, and the problems with them."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from freshet.data.history_events import HistoryEvent
from freshet.inference.latest_histories import LatestHistories
from freshet.inference.new_items import NewItems
from freshet.inference.precomputed_lists import PrecomputedList, PrecomputedLists
from freshet.serving.errors import Problem, RequestError
from freshet.serving.recommend.lake_artifact import histories_artifact, lists_artifact, new_items_artifact
from freshet.serving.recommend.loaded_release import LoadedRelease, release_with_new_items
from freshet.store import Store

LOG = logging.getLogger("freshet")
NO_RELEASE_YET: Final = "nothing has been released yet"  # a new shop: no error
STARTING_PROBLEM: Final = Problem("gateway", "it has just started and is opening its release", "try again in a moment")


@dataclass(frozen=True)
class LakeSnapshots:
    """The published data of all shoppers; None before it is first published."""

    histories: LatestHistories | None = None
    lists: PrecomputedLists | None = None
    lists_first: bool = False  # use a precomputed list before the encoder

    def shopper_events(self, shopper: str) -> list[HistoryEvent]:
        """Return the shopper's events, oldest first."""
        return [] if self.histories is None else self.histories.for_shopper(shopper)

    def precomputed_list(self, shopper: str, bundle_id: str, events: list[HistoryEvent]) -> PrecomputedList | None:
        """Return the shopper's list of this bundle, or None if there is none or one of `events` is newer."""
        return None if self.lists is None else self.lists.for_shopper(shopper, bundle_id, events)


class ActiveState:
    """References that the release watcher replaces and every request reads once; their values never change in place."""

    def __init__(self, *, lists_first: bool = False, on_swap: Callable[[], None] = lambda: None) -> None:
        self.release: LoadedRelease | None = None
        self.histories, self.lists, self.new_items = histories_artifact(), lists_artifact(), new_items_artifact()
        self.journal_problems: tuple[Problem, ...] = (STARTING_PROBLEM,)  # why no release, or not the newest, serves
        self.swaps = 0
        self.refused_bundles = 0
        self._lists_first, self._on_swap = lists_first, on_swap

    @property
    def snapshots(self) -> LakeSnapshots:
        """The histories and lists of this moment."""
        return LakeSnapshots(self.histories.value, self.lists.value, self._lists_first)

    @property
    def artifact_problems(self) -> list[Problem]:
        """The problems with the lake's artifacts."""
        problems = (self.histories.problem, self.lists.problem, self.new_items.problem)
        return [problem for problem in problems if problem is not None]

    def refresh_artifacts(self, store: Store, cache: Path) -> None:
        """Load the artifacts that were published since, and put new items into the release."""
        self.histories.refresh(store, cache)
        self.lists.refresh(store, cache)
        self.new_items.refresh(store, cache, self._add_new_items)

    def _add_new_items(self, new_items: NewItems) -> None:
        if self.release is not None:
            self.release = release_with_new_items(self.release, new_items)

    def swap(self, release: LoadedRelease) -> None:
        """Serve this release from now on."""
        self.release = release
        self.swaps += 1
        self._on_swap()

    def report_problems(self, problems: Sequence[Problem], warnings: Sequence[Problem] = ()) -> None:
        """Replace the journal's problems, and log the new ones."""
        if self.release is not None:
            suffix = f"; release {self.release.number} serves meanwhile"
            problems = [Problem(p.where, p.what + suffix, p.fix) for p in problems]
        for problem in (*problems, *warnings):
            if problem not in self.journal_problems:
                LOG.log(_log_level(problem, warnings), "%s", problem.message())
        self.journal_problems = (*problems, *warnings)

    def unavailable_error(self) -> RequestError:
        """Return the error (503) of requests while no release serves."""
        problem = self.journal_problems[0] if self.journal_problems else STARTING_PROBLEM
        return RequestError(503, problem.where, problem.what, problem.fix)


def _log_level(problem: Problem, warnings: Sequence[Problem]) -> int:
    if problem in warnings:
        return logging.WARNING
    return logging.INFO if problem.what == NO_RELEASE_YET else logging.ERROR
