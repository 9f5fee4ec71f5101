"""The asset `release`: write the journal's next entry if the verdict releases the challenger and nothing holds it.

The bundle is verified again before, because the evaluation may be some hours old.
"""

import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from freshet.artifacts import EvaluationRef, ReleaseRef
from freshet.commands import materialize_command, release_command
from freshet.errors import BundleError, LakeError
from freshet.evaluation.verdict import Verdict
from freshet.evaluation.verdict_holds import add_holds
from freshet.inference.bundle import open_bundle
from freshet.inference.golden_requests import check_golden_requests
from freshet.inference.manifest import MANIFEST
from freshet.inference.ranker import open_ranker
from freshet.releases import journal
from freshet.releases.holds import hold_in_force, hold_sentence
from freshet.releases.journal import JournalEntry, bundle_path
from freshet.releases.rolled_back import rollback_reason
from freshet.settings import Settings
from freshet.steps.evaluation.records import EvaluationRecord, evaluation_path, read_evaluation
from freshet.steps.step_result import StepResult, run_gate
from freshet.store import Store


def release_bundle(store: Store, ref: EvaluationRef, settings: Settings, by: str) -> StepResult[Verdict, ReleaseRef]:
    """Write the journal's next entry if the verdict releases the bundle and releases are not held.

    Raises JournalError if there was another release since the evaluation, LakeError if the evaluation has changed
    since it was written, BundleError if the bundle is damaged or gone.
    """
    record = _read_record(store, ref)
    journal_length = journal.entry_count(store)
    entries = journal.readable_entries(store, journal_length)
    verdict, active_hold = hold_if_rolled_back(store, record, entries), hold_in_force(entries)
    gate = run_gate("release", _release_profile(record, verdict, active_hold), settings)
    if not verdict.released or active_hold is not None:
        return StepResult(gate, _with_hold_sentence(verdict, active_hold), None)
    reason = "; ".join(verdict.reasons)
    entry = append_release(
        store,
        record,
        settings,
        release_entry(record, journal_length, verdict.sentence, reason, by, datetime.now(UTC)),
        entries,
    )
    return StepResult(gate, verdict, ReleaseRef(id=str(entry.number), bundle=record.bundle))


def hold_if_rolled_back(store: Store, record: EvaluationRecord, entries: Sequence[JournalEntry]) -> Verdict:
    """Return the verdict, held if the bundle was rolled back, possibly after its evaluation."""
    reason = rollback_reason(store, entries, record.bundle) if record.verdict.passed else ""
    return record.verdict if not reason or reason in record.verdict.holds else add_holds(record.verdict, [reason])


def release_entry(
    record: EvaluationRecord, last_number: int, sentence: str, reason: str, by: str, now: datetime
) -> JournalEntry:
    """Return the release of an evaluated bundle as the entry after `last_number`."""
    return JournalEntry(
        number=last_number + 1,
        decided_on=last_number,
        kind="release",
        bundle=record.bundle,
        verdict=sentence,
        why=reason,
        metrics={name: dict(row) for name, row in record.evaluation.table.items()},
        at=now,
        by=by,
    )


def append_release(
    store: Store, record: EvaluationRecord, settings: Settings, entry: JournalEntry, entries: Sequence[JournalEntry]
) -> JournalEntry:
    """Write the entry if there was no release since the evaluation and the bundle is intact.

    entries: the journal's so far. Holds and their ends since the evaluation do not matter.
    """
    hold_numbers = [past_entry.number for past_entry in entries if not past_entry.is_release]
    for number in range(record.decided_on + 1, entry.number):
        if number not in hold_numbers:
            raise journal.conflict_error(store, number)
    if not entry.verdict.startswith("Released"):
        what = f"its verdict does not release it: {entry.verdict}"
        raise LakeError(
            store.full_path(bundle_path(record.bundle)),
            what,
            f"evaluate it again: run {materialize_command('evaluation')}",
        )
    verify_bundle(store, record.bundle, settings)
    if record.decided_on > entry.decided_on:  # the journal is an older copy: `append_entry` refuses it
        entry = entry.model_copy(update={"number": record.decided_on + 1, "decided_on": record.decided_on})
    journal.append_entry(store, entry)
    return entry


def verify_bundle(store: Store, bundle_id: str, settings: Settings) -> None:
    """Verify every byte of the bundle and its golden requests.

    Reads the lake's own files, not the copy in this machine's cache. Raises BundleError if the bundle is damaged or
    gone, LakeError if the lake cannot be read.
    """
    fix = f"build it again and evaluate it: run {materialize_command('bundle,evaluation,release')}"
    if not store.exists(f"{bundle_path(bundle_id)}/{MANIFEST}"):
        raise BundleError(
            store.full_path(bundle_path(bundle_id)), f"is gone: bundle {bundle_id[:12]} was not released", fix
        )
    settings.cache_dir.expanduser().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.cache_dir.expanduser()) as temporary:
        try:
            fetched_bundle = open_bundle(store.fetch_folder(bundle_path(bundle_id), Path(temporary)), bundle_id)
            check_golden_requests(open_ranker(fetched_bundle, device=settings.serving_device))
        except BundleError as error:
            raise BundleError(error.where, f"{error.what}: bundle {bundle_id[:12]} was not released", fix) from error


def _read_record(store: Store, ref: EvaluationRef) -> EvaluationRecord:
    record = read_evaluation(store, ref.id)
    if (record.bundle, record.decided_on) != (ref.bundle.id, ref.decided_on):
        what = f"is of bundle {record.bundle[:12]} on release {record.decided_on}, which differs from its reference"
        raise LakeError(
            store.full_path(evaluation_path(ref.id)),
            what,
            f"evaluate it again: run {materialize_command('evaluation')}",
        )
    return record


def _with_hold_sentence(verdict: Verdict, active_hold: JournalEntry | None) -> Verdict:
    """Return the verdict with the active hold named first in its sentence."""
    if active_hold is None:
        return verdict
    return verdict.model_copy(update={"sentence": f"Not released: {hold_sentence(active_hold)}. {verdict.sentence}"})


def _release_profile(
    record: EvaluationRecord, verdict: Verdict, active_hold: JournalEntry | None
) -> Mapping[str, object]:
    is_waiting = verdict.is_held and record.bundle != record.champion
    return {
        "released": int(verdict.released),
        "sentence": f"{verdict.sentence}{_release_command(record.bundle, verdict) if is_waiting else ''}",
        "waiting": int(is_waiting),
        "waiting_message": f"bundle {record.bundle[:12]} waits for a person: {'; '.join(verdict.holds)}"
        if is_waiting
        else "",
        "on_hold": int(active_hold is not None),
        "on_hold_message": "" if active_hold is None else hold_sentence(active_hold),
    }


def _release_command(bundle_id: str, verdict: Verdict) -> str:
    """Return a sentence with the command that releases the bundle, unless the verdict names it."""
    command = release_command(bundle_id)
    return "" if command in verdict.sentence else f" A person can release it: {command}."
