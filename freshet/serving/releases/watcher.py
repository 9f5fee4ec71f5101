"""The thread that follows the release journal and the lake's artifacts."""

import threading
from collections.abc import Sequence
from typing import Final

from freshet.errors import FreshetError
from freshet.releases.journal_files import entry_path, list_journal, stray_warning
from freshet.serving.backoff import Backoff
from freshet.serving.clock import Clock
from freshet.serving.errors import Problem
from freshet.serving.recommend.active_state import ActiveState
from freshet.serving.releases.activation import RecentHistories, ReleaseActivator
from freshet.serving.releases.bundle_presence import BundlePresence
from freshet.serving.releases.check_process import BundleCheckProcess
from freshet.serving.releases.recheck import BackgroundCheck, BundleCheckResult
from freshet.settings import Settings
from freshet.store import Store

MIN_RETRY_PAUSE_S: Final = 10.0  # the first pause before a failed release is tried again without a new entry
MAX_RETRY_PAUSE_S: Final = 600.0  # the longest


class ReleaseWatcher:
    """Keeps the active state at the newest release of the journal. recent_histories: see ReleaseActivator."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        active_state: ActiveState,
        clock: Clock,
        recent_histories: RecentHistories,
    ) -> None:
        self._settings, self._store, self._active_state, self._clock = settings, store, active_state, clock
        self._recent_histories = recent_histories
        self._check_process = self._new_check_process()
        self._activator = ReleaseActivator(settings, store, active_state, self._check_process, recent_histories)
        self._background_check = BackgroundCheck(self._new_check_process)
        self._bundle_presence = BundlePresence(store)
        self._seen_files: tuple[str, ...] | None = None  # the journal's files at the last activation
        self._journal_problems: tuple[Problem, ...] = ()  # of the last activation
        self._recheck_problems: tuple[Problem, ...] = ()  # why the recheck has no result yet
        self._backoff, self._retry_at = Backoff(MIN_RETRY_PAUSE_S, MAX_RETRY_PAUSE_S), 0.0
        self._stop_event = threading.Event()
        self._thread = threading.Thread(target=self._run, name="release_watcher", daemon=True)

    def _new_check_process(self) -> BundleCheckProcess:
        settings = self._settings
        return BundleCheckProcess(
            self._store, settings.cache_dir, settings.serving_device, settings.bundle_check_timeout_s
        )

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """End the thread and any running bundle check. timeout: seconds to wait for it."""
        self._stop_event.set()
        self._check_process.stop()
        self._background_check.stop()
        self._thread.join(timeout)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def is_rechecking(self) -> bool:
        """Whether a recheck runs, or has a result that is not yet applied."""
        return self._background_check.is_running

    def _run(self) -> None:
        self.poll()
        while not self._stop_event.wait(self._settings.journal_poll_s):
            self.poll()
        self._background_check.stop_and_wait()

    def poll(self) -> None:
        """Refresh the lake's artifacts, then activate the newest release if the journal changed or a retry is due."""
        self._active_state.refresh_artifacts(self._store, self._settings.cache_dir)
        try:
            files, stray_files = list_journal(self._store)
        except FreshetError as error:
            self._report_problems((*self._journal_problems, Problem.from_error(error)))
            return
        now = self._clock.monotonic()
        if files != self._seen_files:
            self._background_check.stop_and_wait()  # a new entry does not wait for it
            self._backoff.reset()
        was_withdrawn = self._apply_recheck()
        if files != self._seen_files or was_withdrawn or self._is_retry_due(now):
            self._journal_problems, self._seen_files = self._activator.activate_newest(files), files
            self._recheck_problems = ()
            self._schedule_retry()
            self._start_recheck()
        warnings = [Problem.from_error(stray_warning(self._store, stray_files))] if stray_files else []
        file_problems = self._bundle_presence.problems(self._active_state.release, now)
        self._report_problems((*self._journal_problems, *self._recheck_problems), [*warnings, *file_problems])

    def _is_retry_due(self, now: float) -> bool:
        has_problems = bool(self._journal_problems or self._recheck_problems)
        return has_problems and not self._background_check.is_running and now >= self._retry_at

    def _schedule_retry(self) -> None:
        if self._journal_problems or self._recheck_problems:
            self._retry_at = self._clock.monotonic() + self._backoff.next_pause()

    def _start_recheck(self) -> None:
        """Check a bundle that serves on an earlier check again, in the background."""
        bundle_id = self._activator.unchecked_bundle
        if bundle_id and not self._background_check.is_running and not self._stop_event.is_set():
            self._background_check.start(bundle_id, self._recent_histories())

    def _apply_recheck(self) -> bool:
        """Apply the result of a recheck; return whether the serving bundle was withdrawn."""
        result = self._background_check.take_result()
        if result is None or result.bundle_id != self._activator.unchecked_bundle:
            return False
        if result.error is None:
            self._activator.confirm()
        elif result.refused:
            self._activator.withdraw(result.error)
        else:
            self._recheck_problems = (self._incomplete_check_problem(result, result.error),)
            self._schedule_retry()
        return result.refused

    def _incomplete_check_problem(self, result: BundleCheckResult, error: FreshetError) -> Problem:
        release = self._active_state.release
        where = error.where if release is None else self._store.full_path(entry_path(release.number))
        what = f"its bundle {result.bundle_id[:12]} serves on an earlier check: {error.what}"
        return Problem(where, what, error.fix)

    def _report_problems(self, problems: Sequence[Problem], warnings: Sequence[Problem] = ()) -> None:
        if not self._stop_event.is_set():  # stopping ends checks: that is no problem
            self._active_state.report_problems(problems, warnings)
