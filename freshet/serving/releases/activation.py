"""Activate the newest release: check its bundle, load it, swap it in. Until then the current release serves."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from freshet.data.history_events import HistoryEvent
from freshet.errors import BundleError, FreshetError, JournalError
from freshet.inference.manifest import REBUILD_FIX
from freshet.releases import journal
from freshet.releases.current import fetch_bundle
from freshet.releases.journal import JournalEntry, bundle_path, rollback_advice
from freshet.releases.journal_files import entry_path
from freshet.serving.errors import Problem, to_client_error
from freshet.serving.recommend.active_state import ActiveState
from freshet.serving.recommend.fallback import warm_up
from freshet.serving.recommend.loaded_release import load_release, release_with_new_items
from freshet.serving.releases.activation_order import (
    activation_order,
    checked_releases_before,
    journal_problems,
    last_contiguous_entry,
)
from freshet.serving.releases.check_process import BundleCheckProcess, IncompleteCheckError
from freshet.serving.releases.checked_bundles import CheckedBundles
from freshet.serving.state_lock import state_folder
from freshet.settings import Settings
from freshet.store import Store

LOG = logging.getLogger("freshet")
MAX_TRIED_RELEASES: Final = 20  # releases tried, newest first, while none serves

RecentHistories = Callable[[], Sequence[Sequence[HistoryEvent]]]


class ReleaseActivator:
    """Brings the newest release of the journal into the active state. Used by one thread.

    recent_histories: returns histories that a new bundle must be able to rank.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        active_state: ActiveState,
        check_process: BundleCheckProcess,
        recent_histories: RecentHistories,
    ) -> None:
        self._settings, self._store, self._active_state = settings, store, active_state
        self._check_process, self._recent_histories = check_process, recent_histories
        self._checked_bundles = CheckedBundles(state_folder(settings), settings.serving_device)
        self._rejections: dict[str, FreshetError] = {}  # results of rechecks, until the release is tried again
        self.unchecked_bundle = ""  # the serving bundle if only an earlier process checked it, until its recheck

    def activate_newest(self, files: Sequence[str]) -> tuple[Problem, ...]:
        """Activate the newest release that can serve; return the problems on the way. files: of the journal.

        If a release serves, only the newest entry is tried: going back further needs a person.
        """
        problems = journal_problems(self._store, files)
        tried_bundles: set[str] = set()
        for number in activation_order(self._store, last_contiguous_entry(files)):
            if (problems and self._active_state.release is not None) or len(problems) >= MAX_TRIED_RELEASES:
                break
            try:
                entry = journal.read_entry(self._store, number)
                if entry.is_release and entry.bundle not in tried_bundles:  # a hold or resume changes no release
                    tried_bundles.add(entry.bundle)
                    self._activate(entry)
                    break
            except FreshetError as error:
                problems.append(Problem.from_error(error))
        self._rejections.clear()
        return tuple(problems)

    def confirm(self) -> None:
        """Record that the unchecked bundle has passed its recheck."""
        self._checked_bundles.add(self.unchecked_bundle)
        self.unchecked_bundle = ""

    def withdraw(self, error: FreshetError) -> None:
        """Stop serving the unchecked bundle, which failed its recheck with `error`."""
        self._checked_bundles.remove(self.unchecked_bundle)
        self._rejections[self.unchecked_bundle] = error
        self._active_state.release, self.unchecked_bundle = None, ""

    def _activate(self, entry: JournalEntry) -> None:
        """Serve one entry. Raises JournalError if its bundle cannot serve; the current release then stays."""
        release = self._active_state.release
        try:
            if release is not None and release.bundle.id == entry.bundle:
                self._active_state.release = replace(release, number=entry.number)
            else:
                self._check_and_load(entry)
        except Exception as cause:  # noqa: BLE001 - the current release keeps serving after any fault of a bundle
            error = to_client_error(cause)
            self._active_state.refused_bundles += 1
            what = f"its bundle {entry.bundle[:12]} cannot serve ({error.where}: {error.what})"
            where, fix = self._store.full_path(entry_path(entry.number)), rollback_advice(self._store, entry.number)
            if isinstance(error, IncompleteCheckError):  # the bundle may be good: a rollback would not help
                fix = error.fix
            raise JournalError(where, what, fix) from error

    def _check_and_load(self, entry: JournalEntry) -> None:
        """Check the bundle, then load it. A bundle that was checked before a restart is loaded at once."""
        if not journal.bundle_exists(self._store, entry):
            raise BundleError(self._store.full_path(bundle_path(entry.bundle)), "it is gone", REBUILD_FIX)
        histories = self._recent_histories()
        if entry.bundle in self._rejections:
            raise self._rejections.pop(entry.bundle)
        if entry.bundle in self._checked_bundles and self._may_serve_unchecked():
            self._load(entry, histories)
            self.unchecked_bundle = entry.bundle
            return
        self._load_interim_release(entry, histories)
        self._check_process.check(entry.bundle, histories)
        self._checked_bundles.add(entry.bundle)
        self._load(entry, histories)
        self.unchecked_bundle = ""

    def _may_serve_unchecked(self) -> bool:
        """Whether no release serves, or one that is itself unchecked: another unchecked one is no worse."""
        release = self._active_state.release
        return release is None or release.bundle.id == self.unchecked_bundle

    def _load_interim_release(self, entry: JournalEntry, histories: Sequence[Sequence[HistoryEvent]]) -> None:
        """If no release serves, serve the newest checked one before `entry` until that is checked."""
        if self._active_state.release is not None:
            return
        for candidate in checked_releases_before(self._store, entry.number, self._checked_bundles):
            try:
                self._load(candidate, histories)
            except Exception as cause:  # noqa: BLE001 - an older one may load, and the check follows anyway
                LOG.warning("%s cannot serve meanwhile: %s", candidate.title, to_client_error(cause))
                continue
            self.unchecked_bundle = candidate.bundle
            self._active_state.report_problems(())
            return

    def _load(self, entry: JournalEntry, histories: Sequence[Sequence[HistoryEvent]]) -> None:
        """Load the bundle and warm it up, then swap it in."""
        bundle = fetch_bundle(self._store, entry.bundle, self._settings.cache_dir)
        release = load_release(entry.number, bundle, self._settings.serving_device)
        release = release_with_new_items(release, self._active_state.new_items.value)
        warm_up(release, histories)
        self._active_state.swap(release)
        LOG.info("%s serves, bundle %s", entry.title, entry.bundle[:12])
