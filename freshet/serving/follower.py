"""Follows the release journal: proves what is new, opens it, swaps it in. Until then what serves stays.

Longer than other files here: it is one thread's state and every step that changes it.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from freshet.errors import BundleError, FreshetError, JournalError
from freshet.live import journal
from freshet.live.journal import Entry, bundle_path, rollback_advice
from freshet.live.journal_files import entry_path, listing, stray_warning
from freshet.live.manifest import REBUILD
from freshet.live.released import Event, fetch_bundle
from freshet.serving.behind import missing_from_the_lake
from freshet.serving.clock import Clock
from freshet.serving.current import Current
from freshet.serving.ladder import warm
from freshet.serving.looking import (
    NOTHING_YET,
    in_order,
    look_at_histories,
    look_at_lists,
    look_at_new_items,
    proved_before,
    whole,
    wrong_with,
)
from freshet.serving.problems import Problem, told
from freshet.serving.proved import Proved
from freshet.serving.sandbox import Sandbox, UnfinishedProofError
from freshet.serving.second_proof import Outcome, SecondProof
from freshet.serving.served import open_serving, with_new_items
from freshet.serving.state import state_folder
from freshet.settings import Settings
from freshet.store import Store

LOG = logging.getLogger("freshet")
FIRST_PAUSE, LONGEST_PAUSE = 10.0, 600.0  # seconds until a release that failed is tried again without a new entry
LOOK_BEHIND: Final = 10.0  # seconds between two looks whether what serves still lies in the lake
TRIED: Final = 20  # releases looked at, newest first, while nothing serves


class Follower:
    """The thread that keeps `Current` at what the journal and the lake say."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        current: Current,
        clock: Clock,
        histories: Callable[[], Sequence[Sequence[Event]]],
    ) -> None:
        self._settings, self._store, self._current, self._clock = settings, store, current, clock
        self._histories = histories
        self._sandbox = self._new_sandbox()
        self._second = SecondProof(self._new_sandbox)
        self._proved = Proved(state_folder(settings), settings.serving_device)
        self._unproved = ""  # the bundle that serves on an earlier proof, until it is proved again
        self._refused: dict[str, FreshetError] = {}  # what a second proof found, until its release is tried again
        self._unfinished: tuple[Problem, ...] = ()  # why there is no second proof yet
        self._behind: tuple[Problem, ...] = ()  # what is wrong with the files of what serves
        self._look_behind = 0.0
        self._seen: tuple[str, ...] | None = None  # the journal's files when it was last tried
        self._found: tuple[Problem, ...] = ()  # what was wrong then
        self._pause, self._again = FIRST_PAUSE, 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def _new_sandbox(self) -> Sandbox:
        settings = self._settings
        return Sandbox(self._store, settings.cache, settings.serving_device, settings.proof_seconds)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self, patience: float) -> None:
        """Stop following; a proof that runs is ended."""
        self._ended.set()
        self._sandbox.stop()
        self._second.stop()
        self._thread.join(patience)

    @property
    def alive(self) -> bool:
        """Whether it still follows."""
        return self._thread.is_alive()

    def _run(self) -> None:
        self.look()
        while not self._ended.wait(self._settings.journal_seconds):
            self.look()
        self._second.end()

    def look(self) -> None:
        """Once: the lake's histories and lists, then the journal."""
        look_at_histories(self._store, self._settings.cache, self._current)
        look_at_lists(self._store, self._settings.cache, self._current)
        look_at_new_items(self._store, self._settings.cache, self._current)
        try:
            files, strays = listing(self._store)
        except FreshetError as error:
            self._tell((*self._found, Problem.of(error)))
            return
        now = self._clock.steady()
        if files != self._seen:
            self._second.end()  # what was decided now does not wait for it
            self._pause = FIRST_PAUSE
        out = self._look_at_second_proof()
        wrong = (self._found or self._unfinished) and not self._second.runs
        if files != self._seen or out or (wrong and now >= self._again):
            self._found, self._seen, self._unfinished = self._follow(files), files, ()
            self._refused.clear()
            self._try_later()
            self._prove_again()
        self._look_at_what_serves(now)
        warnings = [Problem.of(stray_warning(self._store, strays))] if strays else []
        self._tell((*self._found, *self._unfinished), [*warnings, *self._behind])

    def _try_later(self) -> None:
        """Wait longer each time that something is wrong."""
        if self._found or self._unfinished:
            self._again = self._clock.steady() + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def _look_at_second_proof(self) -> bool:
        """Take in what it found; whether what serves had to be taken out."""
        outcome = self._second.outcome()
        if outcome is None or outcome.bundle != self._unproved:
            return False
        if outcome.error is None:
            self._proved.add(outcome.bundle)
            self._unproved = ""
        elif outcome.refused:
            self._proved.forget(outcome.bundle)
            self._refused[outcome.bundle] = outcome.error
            self._current.serving, self._unproved = None, ""
        else:
            self._unfinished = (self._no_end(outcome, outcome.error),)
            self._try_later()
        return outcome.refused

    def _no_end(self, outcome: Outcome, error: FreshetError) -> Problem:
        serving = self._current.serving
        where = error.where if serving is None else self._store.where(entry_path(serving.number))
        what = f"its bundle {outcome.bundle[:12]} serves on an earlier proof, for now {error.what}"
        return Problem(where, what, error.fix)

    def _prove_again(self) -> None:
        """Behind, what serves on an earlier proof. Refused, it serves no more; without an end nothing changes."""
        serving = self._current.serving
        if serving is None or self._second.runs or self._ended.is_set():
            return
        if serving.bundle.id == self._unproved:
            self._second.start(self._unproved, self._histories())

    def _look_at_what_serves(self, now: float) -> None:
        """Whether it still lies in the lake; told at once, and not at the next start only."""
        serving = self._current.serving
        if serving is not None and now >= self._look_behind:
            self._look_behind = now + LOOK_BEHIND
            missing = missing_from_the_lake(self._store, serving)
            self._behind = () if missing is None else (missing,)

    def _follow(self, files: Sequence[str]) -> tuple[Problem, ...]:
        """Bring the newest release in; what was wrong on the way."""
        problems = wrong_with(self._store, files)
        tried: set[str] = set()
        for number in in_order(self._store, whole(files)):
            if (problems and self._current.serving is not None) or len(problems) >= TRIED:
                break  # what serves stays: nobody decided to go further back
            try:
                entry = journal.read_entry(self._store, number)
                if entry.is_release and entry.bundle not in tried:  # a hold and its end change nothing of what serves
                    tried.add(entry.bundle)
                    self._bring_in(entry)
                    break
            except FreshetError as error:
                problems.append(Problem.of(error))
        return tuple(problems)

    def _bring_in(self, entry: Entry) -> None:
        """Let one entry serve. Raises JournalError when its bundle cannot; production stays as it was."""
        serving = self._current.serving
        try:
            if serving is not None and serving.bundle.id == entry.bundle:
                self._current.serving = replace(serving, number=entry.number)
            else:
                self._swap(entry)
        except Exception as cause:  # noqa: BLE001 - whatever is wrong with a bundle, production stays as it was
            error = told(cause)
            self._current.refused += 1
            what = f"its bundle {entry.bundle[:12]} cannot serve ({error.where}: {error.what})"
            where, fix = self._store.where(entry_path(entry.number)), rollback_advice(self._store, entry.number)
            if isinstance(error, UnfinishedProofError):  # the bundle may be whole: going back would help nobody
                fix = error.fix
            raise JournalError(where, what, fix) from error

    def _swap(self, entry: Entry) -> None:
        """Prove, then open. What this machine has proved serves at once at a restart, and is proved again behind."""
        if not journal.has_bundle(self._store, entry):
            raise BundleError(self._store.where(bundle_path(entry.bundle)), "it is gone", REBUILD)
        histories = self._histories()
        if entry.bundle in self._refused:
            raise self._refused.pop(entry.bundle)
        if entry.bundle in self._proved and self._serves_unproved():
            self._open(entry, histories)
            self._unproved = entry.bundle
            return
        self._bridge(entry, histories)
        self._sandbox.prove(entry.bundle, histories)
        self._proved.add(entry.bundle)
        self._open(entry, histories)
        self._unproved = ""

    def _serves_unproved(self) -> bool:
        """Whether nothing serves, or what serves does so on an earlier proof too: a swap to another is no worse."""
        serving = self._current.serving
        return serving is None or serving.bundle.id == self._unproved

    def _bridge(self, entry: Entry, histories: Sequence[Sequence[Event]]) -> None:
        """Where nothing serves, let the newest release serve that was proved, until `entry` is."""
        if self._current.serving is not None:
            return
        for before in proved_before(self._store, entry.number, self._proved):
            try:
                self._open(before, histories)
            except Exception as cause:  # noqa: BLE001 - an older one may serve still, and its proof goes on anyhow
                LOG.warning("%s cannot serve meanwhile: %s", before.title, told(cause))
                continue
            self._unproved = before.bundle
            self._tell(())  # it serves
            return

    def _open(self, entry: Entry, histories: Sequence[Sequence[Event]]) -> None:
        """Open and warm it; only then is the one reference replaced."""
        bundle = fetch_bundle(self._store, entry.bundle, self._settings.cache)
        serving = open_serving(entry.number, bundle, self._settings.serving_device)
        serving = with_new_items(serving, self._current.new_items)
        warm(serving, histories)
        self._current.serving = serving
        self._current.swaps += 1
        self._look_behind = 0.0
        self._current.swapped()
        LOG.info("%s serves, bundle %s", entry.title, entry.bundle[:12])

    def _tell(self, problems: tuple[Problem, ...], warnings: Sequence[Problem] = ()) -> None:
        """Say it in /readyz, and once in the log; a proof that was ended because we stop is no problem."""
        if self._ended.is_set():
            return
        serving = self._current.serving
        if serving is not None:
            meanwhile = f"; release {serving.number} answers meanwhile"
            problems = tuple(Problem(p.where, p.what + meanwhile, p.fix) for p in problems)
        for problem in (*problems, *warnings):
            if problem not in self._current.journal_problems:
                LOG.log(_level(problem, warnings), "%s", problem.sentence())
        self._current.journal_problems = (*problems, *warnings)


def _level(problem: Problem, warnings: Sequence[Problem]) -> int:
    if problem in warnings:
        return logging.WARNING
    return logging.INFO if problem.what == NOTHING_YET else logging.ERROR
