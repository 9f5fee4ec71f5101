"""Artifacts of the lake that the gateway keeps in memory: latest histories, precomputed lists, new items."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from freshet.artifacts import LatestHistoriesRef, NewItemsRef, RecommendationsRef, published
from freshet.errors import BundleError
from freshet.inference.latest_histories import HISTORIES_FOLDER, LatestHistories, load_latest_histories
from freshet.inference.new_items import NEW_ITEMS_FOLDER, NewItems, load_new_items
from freshet.inference.precomputed_lists import LISTS_FOLDER, PrecomputedLists, load_precomputed_lists
from freshet.serving.errors import Problem, to_client_error
from freshet.store import FileInfo, Store

LOG = logging.getLogger("freshet")


class HasId(Protocol):
    """A loaded artifact."""

    @property
    def id(self) -> str:
        """Its content hash, the name of its folder."""
        ...


Artifact = TypeVar("Artifact", bound=HasId)


class LakeArtifact(Generic[Artifact]):
    """The last published artifact of one kind that could be loaded, replaced whenever a newer one loads.

    asset: also the name of its folder in the lake. ref_type: type of its published reference. load: loads the artifact
    that was published last.
    """

    def __init__(
        self,
        asset: str,
        ref_type: type[LatestHistoriesRef | NewItemsRef | RecommendationsRef],
        load: Callable[[Store, Path], Artifact | None],
    ) -> None:
        self._asset, self._ref_type, self._load = asset, ref_type, load
        self._damaged_files: tuple[FileInfo, ...] = ()  # the files that failed to load
        self.value: Artifact | None = None
        self.problem: Problem | None = None

    def refresh(self, store: Store, cache: Path, on_value: Callable[[Artifact], None] = lambda _: None) -> None:
        """Load the artifact that was published last; keep the current value and set `problem` if that fails.

        Damaged files are not read again until they change. on_value: called with the current value, also if unchanged.
        """
        try:
            ref = published(store, self._asset, self._ref_type)
            if ref is not None and (self.value is None or self.value.id != ref.id):
                files = store.list_info(f"{self._asset}/{ref.id}")
                if files and files == self._damaged_files:
                    return
                self._damaged_files = files  # until they have loaded
                self.value = self._load(store, cache)
            if self.value is not None:
                on_value(self.value)
        except Exception as error:  # noqa: BLE001 - the release keeps serving after any fault of the artifact
            self._set_problem(error)
        else:
            self.problem, self._damaged_files = None, ()

    def _set_problem(self, error: Exception) -> None:
        if not isinstance(error, BundleError):
            self._damaged_files = ()  # the files may be intact: read them again
        problem = Problem.from_error(to_client_error(error))
        if problem != self.problem:
            LOG.warning("%s", problem.message())
        self.problem = problem


def histories_artifact() -> LakeArtifact[LatestHistories]:
    """Return the latest histories, not loaded yet."""
    return LakeArtifact(HISTORIES_FOLDER, LatestHistoriesRef, load_latest_histories)


def lists_artifact() -> LakeArtifact[PrecomputedLists]:
    """Return the precomputed lists, not loaded yet."""
    return LakeArtifact(LISTS_FOLDER, RecommendationsRef, load_precomputed_lists)


def new_items_artifact() -> LakeArtifact[NewItems]:
    """Return the new items, not loaded yet."""
    return LakeArtifact(NEW_ITEMS_FOLDER, NewItemsRef, load_new_items)
