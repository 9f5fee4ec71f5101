"""`freshet release BUNDLE`: a person releases a bundle that passed its evaluation but is held."""

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
    "train another model when more days have landed: a bundle is evaluated on its own training set's days only"
)


def release_held_bundle(
    store: Store, settings: Settings, bundle_id: str, reason: str, by: str, now: datetime
) -> JournalEntry:
    """Release a bundle although it was rolled back or its verdict is held; return the journal's entry.

    Its last evaluation must have passed, against the current release. Raises JournalError if releases are held, there
    was another release since the evaluation, or it is already released; LakeError if it was not evaluated or did not
    pass; BundleError if it is damaged or gone.
    """
    journal_length = journal.entry_count(store)
    entries = journal.readable_entries(store, journal_length)
    if (active_hold := hold_in_force(entries)) is not None:
        raise JournalError(
            store.full_path(JOURNAL_FOLDER), hold_sentence(active_hold), f"end the hold first: {RESUME_COMMAND}"
        )
    serving_entry = journal.last_release_entry(store)
    if serving_entry is not None and serving_entry.bundle == bundle_id:
        what = f"bundle {bundle_id[:12]} is already released, since {serving_entry.title}"
        raise JournalError(store.full_path(JOURNAL_FOLDER), what, "there is nothing to release")
    record = _current_evaluation(store, bundle_id, entries)
    verdict = hold_if_rolled_back(store, record, entries)
    if not verdict.passed:
        what = f"it did not pass its evaluation, so it cannot be released: {verdict.sentence}"
        raise LakeError(store.full_path(bundle_path(bundle_id)), what, NEW_MODEL_FIX)
    return append_release(
        store,
        record,
        settings,
        release_entry(record, journal_length, _journal_sentence(verdict), reason, by, now),
        entries,
    )


def _current_evaluation(store: Store, bundle_id: str, entries: Sequence[JournalEntry]) -> EvaluationRecord:
    """Return the bundle's last evaluation. Raises if there is none, or a release came after it."""
    where = store.full_path(bundle_path(bundle_id))
    evaluate_fix = f"evaluate it: run {materialize_command('evaluation')} while it is the last bundle built"
    record = last_evaluation(store, bundle_id)
    if record is None:
        raise LakeError(where, "it was never evaluated, so it cannot be released", evaluate_fix)
    for entry in reversed(entries):
        if entry.number > record.decided_on and entry.is_release:
            raise JournalError(
                where, f"it was evaluated before {entry.title}", _reevaluation_fix(bundle_id, entries, evaluate_fix)
            )
    return record


def _reevaluation_fix(bundle_id: str, entries: Sequence[JournalEntry], evaluate_fix: str) -> str:
    """Return the fix for an outdated evaluation: a rollback if the bundle was released before, else a new evaluation.

    A rollback needs no verdict, and a released bundle is rarely the last one built, which can be evaluated.
    """
    past_release = next(
        (entry.number for entry in reversed(entries) if entry.is_release and entry.bundle == bundle_id), None
    )
    return (
        evaluate_fix if past_release is None else f"go back to it: {rollback_command(past_release)}, or {evaluate_fix}"
    )


def _journal_sentence(verdict: "Verdict") -> str:
    """Return the sentence for the journal: the holds, and the results of the evaluation."""
    if not verdict.holds:
        return verdict.sentence
    return f"Released by name, although {'; '.join(verdict.holds)}. Otherwise: {'; '.join(verdict.reasons)}."
