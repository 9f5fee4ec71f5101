"""`freshet release BUNDLE`: a person releases a bundle that was judged good and waits for a person."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from freshet.commands import materialize_command, rollback_command
from freshet.errors import JournalError, LakeError
from freshet.releases import journal
from freshet.releases.holds import RESUME_COMMAND, hold_in_force, hold_sentence
from freshet.releases.journal import JournalEntry, bundle_path
from freshet.releases.journal_files import JOURNAL_FOLDER
from freshet.settings import Settings
from freshet.steps.evaluation.records import EvaluationRecord, last_evaluation
from freshet.steps.release.release import append_release, hold_if_rolled_back, release_entry
from freshet.store import Store

if TYPE_CHECKING:
    from freshet.evaluation.verdict import Verdict

NEW_MODEL_FIX: Final = (
    "make another model when more days have landed: a bundle is judged on its own training set's days only"
)


def release_held_bundle(
    store: Store, settings: Settings, bundle_id: str, reason: str, by: str, now: datetime
) -> JournalEntry:
    """Release the bundle although it was taken back or its verdict is held for a person; returns the journal's entry.

    Its last evaluation must have passed, against what serves now. Raises JournalError where releases are held, another
    release serves than when it was judged, or it serves already; LakeError where it was not judged, or not judged good;
    BundleError where it is damaged or gone.
    """
    journal_length = journal.entry_count(store)
    entries = journal.readable_entries(store, journal_length)
    if (active_hold := hold_in_force(entries)) is not None:
        raise JournalError(
            store.full_path(JOURNAL_FOLDER), hold_sentence(active_hold), f"end the hold first: {RESUME_COMMAND}"
        )
    serving_entry = journal.last_release_entry(store)
    if serving_entry is not None and serving_entry.bundle == bundle_id:
        what = f"bundle {bundle_id[:12]} serves already, since {serving_entry.title}"
        raise JournalError(store.full_path(JOURNAL_FOLDER), what, "there is nothing to release")
    record = _current_evaluation(store, bundle_id, entries)
    verdict = hold_if_rolled_back(store, record, entries)
    if not verdict.passed:
        what = f"it was not judged good, so it cannot be released: {verdict.sentence}"
        raise LakeError(store.full_path(bundle_path(bundle_id)), what, NEW_MODEL_FIX)
    return append_release(
        store,
        record,
        settings,
        release_entry(record, journal_length, _journal_sentence(verdict), reason, by, now),
        entries,
    )


def _current_evaluation(store: Store, bundle_id: str, entries: Sequence[JournalEntry]) -> EvaluationRecord:
    """Its last evaluation, which asked what serves now."""
    where = store.full_path(bundle_path(bundle_id))
    judge_fix = f"judge it: run {materialize_command('evaluation')} while it is the last bundle made"
    record = last_evaluation(store, bundle_id)
    if record is None:
        raise LakeError(where, "it was never judged, so it cannot be released", judge_fix)
    for entry in reversed(entries):
        if entry.number > record.decided_on and entry.is_release:
            raise JournalError(
                where, f"it was judged before {entry.title} served", _rejudge_fix(bundle_id, entries, judge_fix)
            )
    return record


def _rejudge_fix(bundle_id: str, entries: Sequence[JournalEntry], judge_fix: str) -> str:
    """What to do for a bundle that was judged before something else served: where it served itself, to go back to it.

    A rollback asks no verdict, and what served is rarely the last bundle made, which is the one that can be judged.
    """
    served_release = next(
        (entry.number for entry in reversed(entries) if entry.is_release and entry.bundle == bundle_id), None
    )
    return judge_fix if served_release is None else f"go back to it: {rollback_command(served_release)}, or {judge_fix}"


def _journal_sentence(verdict: "Verdict") -> str:
    """What the journal says of it: why it waited for a person, and what the judge found."""
    if not verdict.holds:
        return verdict.sentence
    return f"Released by name, although {'; '.join(verdict.holds)}. Otherwise: {'; '.join(verdict.reasons)}."
