"""`freshet release BUNDLE`: a person releases a bundle that was judged good and waits for a person."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from freshet.commands import materialize, rollback_to
from freshet.errors import JournalError, LakeError
from freshet.live import journal
from freshet.live.holds import RESUME, held, hold_sentence
from freshet.live.journal import Entry, bundle_path
from freshet.live.journal_files import FOLDER
from freshet.settings import Settings
from freshet.stages.evaluation import Judged
from freshet.stages.evaluation_files import last_evaluation
from freshet.stages.release import enter, entry_of, stopped
from freshet.store import Store

if TYPE_CHECKING:
    from freshet.judge.verdict import Verdict

ANOTHER: Final = "make another model when more days have landed: a bundle is judged on its own training set's days only"


def release_named(store: Store, settings: Settings, bundle: str, why: str, by: str, now: datetime) -> Entry:
    """Release the bundle although it was taken back or its verdict is held for a person; returns the journal's entry.

    Its last evaluation must have passed, against what serves now. Raises JournalError where releases are held, another
    release serves than when it was judged, or it serves already; LakeError where it was not judged, or not judged good;
    BundleError where it is damaged or gone.
    """
    number = journal.length(store)
    entries = journal.readable(store, number)
    if (hold := held(entries)) is not None:
        raise JournalError(store.where(FOLDER), hold_sentence(hold), f"end the hold first: {RESUME}")
    serves = journal.serving(store)
    if serves is not None and serves.bundle == bundle:
        what = f"bundle {bundle[:12]} serves already, since {serves.title}"
        raise JournalError(store.where(FOLDER), what, "there is nothing to release")
    kept = _last_judged(store, bundle, entries)
    verdict = stopped(store, kept, entries)
    if not verdict.passed:
        what = f"it was not judged good, so it cannot be released: {verdict.sentence}"
        raise LakeError(store.where(bundle_path(bundle)), what, ANOTHER)
    return enter(store, kept, settings, entry_of(kept, number, _sentence(verdict), why, by, now), entries)


def _last_judged(store: Store, bundle: str, entries: Sequence[Entry]) -> Judged:
    """Its last evaluation, which asked what serves now."""
    where = store.where(bundle_path(bundle))
    judge = f"judge it: run {materialize('evaluation')} while it is the last bundle made"
    kept = last_evaluation(store, bundle)
    if kept is None:
        raise LakeError(where, "it was never judged, so it cannot be released", judge)
    for later in reversed(entries):
        if later.number > kept.decided_on and later.is_release:
            raise JournalError(where, f"it was judged before {later.title} served", _again(bundle, entries, judge))
    return kept


def _again(bundle: str, entries: Sequence[Entry], judge: str) -> str:
    """What to do for a bundle that was judged before something else served: where it served itself, to go back to it.

    A rollback asks no verdict, and what served is rarely the last bundle made, which is the one that can be judged.
    """
    served = next((entry.number for entry in reversed(entries) if entry.is_release and entry.bundle == bundle), None)
    return judge if served is None else f"go back to it: {rollback_to(served)}, or {judge}"


def _sentence(verdict: "Verdict") -> str:
    """What the journal says of it: why it waited for a person, and what the judge found."""
    if not verdict.held:
        return verdict.sentence
    return f"Released by name, although {'; '.join(verdict.held)}. Otherwise: {'; '.join(verdict.reasons)}."
