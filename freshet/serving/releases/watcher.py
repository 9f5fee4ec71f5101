"""Follows the release journal: proves what is new, opens it, swaps it in. Until then what serves stays.

Longer than other files here: it is one thread's state and every step that changes it.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from freshet.data.history_events import HistoryEvent
from freshet.errors import BundleError, FreshetError, JournalError
from freshet.inference.manifest import REBUILD_FIX
from freshet.releases import journal
from freshet.releases.current import fetch_bundle
from freshet.releases.journal import JournalEntry, bundle_path, rollback_advice
from freshet.releases.journal_files import entry_path, list_journal, stray_warning
from freshet.serving.clock import Clock
from freshet.serving.http.errors import Problem, to_client_error
from freshet.serving.recommend.active_release import load_release, release_with_new_items
from freshet.serving.recommend.active_state import ActiveState
from freshet.serving.recommend.fallback import warm_up
from freshet.serving.releases.bundle_presence import bundle_files_problem
from freshet.serving.releases.checked_bundles import CheckedBundles
from freshet.serving.releases.recheck import BackgroundCheck, BundleCheckResult
from freshet.serving.releases.refresh import (
    NO_RELEASE_YET,
    activation_order,
    checked_releases_before,
    journal_problems,
    last_contiguous_entry,
    refresh_histories,
    refresh_lists,
    refresh_new_items,
)
from freshet.serving.releases.sandbox import BundleCheckProcess, IncompleteCheckError
from freshet.serving.state_lock import state_folder
from freshet.settings import Settings
from freshet.store import Store

LOG = logging.getLogger("freshet")
MIN_RETRY_PAUSE_S, MAX_RETRY_PAUSE_S = (
    10.0,
    600.0,
)  # seconds until a release that failed is tried again without a new entry
FILE_CHECK_INTERVAL_S: Final = 10.0  # seconds between two looks whether what serves still lies in the lake
MAX_TRIED_RELEASES: Final = 20  # releases looked at, newest first, while nothing serves


class ReleaseWatcher:
    """The thread that keeps `Current` at what the journal and the lake say."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        active_state: ActiveState,
        clock: Clock,
        recent_histories: Callable[[], Sequence[Sequence[HistoryEvent]]],
    ) -> None:
        self._settings, self._store, self._active_state, self._clock = settings, store, active_state, clock
        self._recent_histories = recent_histories
        self._check_process = self._new_check_process()
        self._background_check = BackgroundCheck(self._new_check_process)
        self._checked_bundles = CheckedBundles(state_folder(settings), settings.serving_device)
        self._unchecked_bundle = ""  # the bundle that serves on an earlier proof, until it is proved again
        self._refused_bundles: dict[
            str, FreshetError
        ] = {}  # what a second proof found, until its release is tried again
        self._check_problems: tuple[Problem, ...] = ()  # why there is no second proof yet
        self._file_problems: tuple[Problem, ...] = ()  # what is wrong with the files of what serves
        self._next_file_check = 0.0
        self._seen_files: tuple[str, ...] | None = None  # the journal's files when it was last tried
        self._journal_problems: tuple[Problem, ...] = ()  # what was wrong then
        self._retry_pause, self._retry_at = MIN_RETRY_PAUSE_S, 0.0
        self._stop_event = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def _new_check_process(self) -> BundleCheckProcess:
        settings = self._settings
        return BundleCheckProcess(
            self._store, settings.cache_dir, settings.serving_device, settings.bundle_check_timeout_s
        )

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Stop following; a proof that runs is ended."""
        self._stop_event.set()
        self._check_process.stop()
        self._background_check.stop()
        self._thread.join(timeout)

    @property
    def alive(self) -> bool:
        """Whether it still follows."""
        return self._thread.is_alive()

    def _run(self) -> None:
        self.poll()
        while not self._stop_event.wait(self._settings.journal_poll_s):
            self.poll()
        self._background_check.stop_and_wait()

    def poll(self) -> None:
        """Once: the lake's histories and lists, then the journal."""
        refresh_histories(self._store, self._settings.cache_dir, self._active_state)
        refresh_lists(self._store, self._settings.cache_dir, self._active_state)
        refresh_new_items(self._store, self._settings.cache_dir, self._active_state)
        try:
            files, stray_files = list_journal(self._store)
        except FreshetError as error:
            self._report_problems((*self._journal_problems, Problem.from_error(error)))
            return
        now = self._clock.monotonic()
        if files != self._seen_files:
            self._background_check.stop_and_wait()  # what was decided now does not wait for it
            self._retry_pause = MIN_RETRY_PAUSE_S
        was_withdrawn = self._apply_check_result()
        has_problems = (self._journal_problems or self._check_problems) and not self._background_check.is_running
        if files != self._seen_files or was_withdrawn or (has_problems and now >= self._retry_at):
            self._journal_problems, self._seen_files, self._check_problems = self._activate_newest(files), files, ()
            self._refused_bundles.clear()
            self._schedule_retry()
            self._recheck()
        self._check_bundle_files(now)
        warnings = [Problem.from_error(stray_warning(self._store, stray_files))] if stray_files else []
        self._report_problems((*self._journal_problems, *self._check_problems), [*warnings, *self._file_problems])

    def _schedule_retry(self) -> None:
        """Wait longer each time that something is wrong."""
        if self._journal_problems or self._check_problems:
            self._retry_at = self._clock.monotonic() + self._retry_pause
            self._retry_pause = min(2 * self._retry_pause, MAX_RETRY_PAUSE_S)

    def _apply_check_result(self) -> bool:
        """Take in what it found; whether what serves had to be taken out."""
        result = self._background_check.take_result()
        if result is None or result.bundle_id != self._unchecked_bundle:
            return False
        if result.error is None:
            self._checked_bundles.add(result.bundle_id)
            self._unchecked_bundle = ""
        elif result.refused:
            self._checked_bundles.remove(result.bundle_id)
            self._refused_bundles[result.bundle_id] = result.error
            self._active_state.release, self._unchecked_bundle = None, ""
        else:
            self._check_problems = (self._incomplete_check_problem(result, result.error),)
            self._schedule_retry()
        return result.refused

    def _incomplete_check_problem(self, result: BundleCheckResult, error: FreshetError) -> Problem:
        release = self._active_state.release
        where = error.where if release is None else self._store.full_path(entry_path(release.number))
        what = f"its bundle {result.bundle_id[:12]} serves on an earlier proof, for now {error.what}"
        return Problem(where, what, error.fix)

    def _recheck(self) -> None:
        """Behind, what serves on an earlier proof. Refused, it serves no more; without an end nothing changes."""
        release = self._active_state.release
        if release is None or self._background_check.is_running or self._stop_event.is_set():
            return
        if release.bundle.id == self._unchecked_bundle:
            self._background_check.start(self._unchecked_bundle, self._recent_histories())

    def _check_bundle_files(self, now: float) -> None:
        """Whether it still lies in the lake; told at once, and not at the next start only."""
        release = self._active_state.release
        if release is not None and now >= self._next_file_check:
            self._next_file_check = now + FILE_CHECK_INTERVAL_S
            problem = bundle_files_problem(self._store, release)
            self._file_problems = () if problem is None else (problem,)

    def _activate_newest(self, files: Sequence[str]) -> tuple[Problem, ...]:
        """Bring the newest release in; what was wrong on the way."""
        problems = journal_problems(self._store, files)
        tried_bundles: set[str] = set()
        for number in activation_order(self._store, last_contiguous_entry(files)):
            if (problems and self._active_state.release is not None) or len(problems) >= MAX_TRIED_RELEASES:
                break  # what serves stays: nobody decided to go further back
            try:
                entry = journal.read_entry(self._store, number)
                if (
                    entry.is_release and entry.bundle not in tried_bundles
                ):  # a hold and its end change nothing of what serves
                    tried_bundles.add(entry.bundle)
                    self._activate(entry)
                    break
            except FreshetError as error:
                problems.append(Problem.from_error(error))
        return tuple(problems)

    def _activate(self, entry: JournalEntry) -> None:
        """Let one entry serve. Raises JournalError when its bundle cannot; production stays as it was."""
        release = self._active_state.release
        try:
            if release is not None and release.bundle.id == entry.bundle:
                self._active_state.release = replace(release, number=entry.number)
            else:
                self._swap(entry)
        except Exception as cause:  # noqa: BLE001 - whatever is wrong with a bundle, production stays as it was
            error = to_client_error(cause)
            self._active_state.refused_bundles += 1
            what = f"its bundle {entry.bundle[:12]} cannot serve ({error.where}: {error.what})"
            where, fix = self._store.full_path(entry_path(entry.number)), rollback_advice(self._store, entry.number)
            if isinstance(error, IncompleteCheckError):  # the bundle may be whole: going back would help nobody
                fix = error.fix
            raise JournalError(where, what, fix) from error

    def _swap(self, entry: JournalEntry) -> None:
        """Prove, then open. What this machine has proved serves at once at a restart, and is proved again behind."""
        if not journal.bundle_exists(self._store, entry):
            raise BundleError(self._store.full_path(bundle_path(entry.bundle)), "it is gone", REBUILD_FIX)
        histories = self._recent_histories()
        if entry.bundle in self._refused_bundles:
            raise self._refused_bundles.pop(entry.bundle)
        if entry.bundle in self._checked_bundles and self._may_serve_unchecked():
            self._load(entry, histories)
            self._unchecked_bundle = entry.bundle
            return
        self._serve_interim_release(entry, histories)
        self._check_process.check(entry.bundle, histories)
        self._checked_bundles.add(entry.bundle)
        self._load(entry, histories)
        self._unchecked_bundle = ""

    def _may_serve_unchecked(self) -> bool:
        """Whether nothing serves, or what serves does so on an earlier proof too: a swap to another is no worse."""
        release = self._active_state.release
        return release is None or release.bundle.id == self._unchecked_bundle

    def _serve_interim_release(self, entry: JournalEntry, histories: Sequence[Sequence[HistoryEvent]]) -> None:
        """Where nothing serves, let the newest release serve that was proved, until `entry` is."""
        if self._active_state.release is not None:
            return
        for candidate in checked_releases_before(self._store, entry.number, self._checked_bundles):
            try:
                self._load(candidate, histories)
            except Exception as cause:  # noqa: BLE001 - an older one may serve still, and its proof goes on anyhow
                LOG.warning("%s cannot serve meanwhile: %s", candidate.title, to_client_error(cause))
                continue
            self._unchecked_bundle = candidate.bundle
            self._report_problems(())  # it serves
            return

    def _load(self, entry: JournalEntry, histories: Sequence[Sequence[HistoryEvent]]) -> None:
        """Open and warm it; only then is the one reference replaced."""
        bundle = fetch_bundle(self._store, entry.bundle, self._settings.cache_dir)
        release = load_release(entry.number, bundle, self._settings.serving_device)
        release = release_with_new_items(release, self._active_state.new_items)
        warm_up(release, histories)
        self._active_state.release = release
        self._active_state.swaps += 1
        self._next_file_check = 0.0
        self._active_state.on_swap()
        LOG.info("%s serves, bundle %s", entry.title, entry.bundle[:12])

    def _report_problems(self, problems: tuple[Problem, ...], warnings: Sequence[Problem] = ()) -> None:
        """Say it in /readyz, and once in the log; a proof that was ended because we stop is no problem."""
        if self._stop_event.is_set():
            return
        release = self._active_state.release
        if release is not None:
            suffix = f"; release {release.number} answers meanwhile"
            problems = tuple(Problem(p.where, p.what + suffix, p.fix) for p in problems)
        for problem in (*problems, *warnings):
            if problem not in self._active_state.journal_problems:
                LOG.log(_log_level(problem, warnings), "%s", problem.message())
        self._active_state.journal_problems = (*problems, *warnings)


def _log_level(problem: Problem, warnings: Sequence[Problem]) -> int:
    if problem in warnings:
        return logging.WARNING
    return logging.INFO if problem.what == NO_RELEASE_YET else logging.ERROR
