"""Whether the files of the serving bundle are still in the lake: a restart needs them."""

from typing import Final

from freshet.errors import FreshetError
from freshet.inference.manifest import MANIFEST
from freshet.releases.journal import bundle_path, rollback_advice
from freshet.serving.errors import Problem
from freshet.serving.recommend.loaded_release import LoadedRelease
from freshet.store import Store

FILE_CHECK_INTERVAL_S: Final = 10.0


class BundlePresence:
    """Checks the serving bundle's files every FILE_CHECK_INTERVAL_S, and at once after a swap."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._bundle_id, self._next_check = "", 0.0
        self._problems: tuple[Problem, ...] = ()

    def problems(self, release: LoadedRelease | None, now: float) -> tuple[Problem, ...]:
        """Return what the last check found, after a new one if it is due. now: monotonic seconds."""
        if release is not None and (now >= self._next_check or release.bundle.id != self._bundle_id):
            self._bundle_id, self._next_check = release.bundle.id, now + FILE_CHECK_INTERVAL_S
            problem = bundle_files_problem(self._store, release)
            self._problems = () if problem is None else (problem,)
        return self._problems


def bundle_files_problem(store: Store, release: LoadedRelease) -> Problem | None:
    """Return which of the bundle's files are missing or have another size in the lake; None if all are there."""
    bundle, path = release.bundle, bundle_path(release.bundle.id)
    try:
        stored_sizes = {info.path.rpartition("/")[2]: info.bytes for info in store.list_info(path)}
    except FreshetError:
        return None  # the lake cannot be reached: the watcher reports that
    expected_sizes = {name: entry.bytes for name, entry in bundle.manifest.files.items()}
    mismatches = sorted(name for name, size in expected_sizes.items() if stored_sizes.get(name) != size)
    if MANIFEST not in stored_sizes:
        mismatches = [MANIFEST, *mismatches]
    if not mismatches:
        return None
    status = f"is damaged in the lake ({', '.join(mismatches)})" if stored_sizes else "is gone from the lake"
    what = f"the serving bundle {status}; it still serves, but could not be loaded after a restart"
    return Problem(store.full_path(path), what, rollback_advice(store, release.number))
