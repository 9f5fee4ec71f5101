"""The asset `release`, without Dagster: the journal's next entry, if the verdict says so and no person has to decide.

What is released is opened first, as the lake holds it now: it was judged minutes or a night ago.
"""

import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from freshet.commands import materialize, release_by_name
from freshet.errors import BundleError, LakeError
from freshet.judge.holds import hold
from freshet.judge.verdict import Verdict
from freshet.live import journal
from freshet.live.bundle import open_bundle
from freshet.live.golden import check_golden
from freshet.live.holds import held, hold_sentence
from freshet.live.journal import Entry, bundle_path
from freshet.live.manifest import MANIFEST
from freshet.live.ranker import open_ranker
from freshet.live.taken_back import why_taken_back
from freshet.references import EvaluationRef, ReleaseRef
from freshet.settings import Settings
from freshet.stages.evaluation import Judged, evaluation_path
from freshet.stages.evaluation_files import read_evaluation
from freshet.stages.outcome import Outcome, judged
from freshet.store import Store


def release_bundle(store: Store, ref: EvaluationRef, settings: Settings, by: str) -> Outcome[Verdict, ReleaseRef]:
    """Write the journal's next entry if the verdict says so and releases are not held. Else nothing changes.

    Raises JournalError when another release serves than when the champion was scored: evaluate again; LakeError where
    the evaluation is not what was written, BundleError where the bundle is damaged or gone.
    """
    kept = _read(store, ref)
    number = journal.length(store)
    entries = journal.readable(store, number)
    verdict, in_force = stopped(store, kept, entries), held(entries)
    judgement = judged("release", _profile(kept, verdict, in_force), settings)
    if not verdict.released or in_force is not None:
        return Outcome(judgement, _as_held(verdict, in_force), None)
    why = "; ".join(verdict.reasons)
    entry = enter(store, kept, settings, entry_of(kept, number, verdict.sentence, why, by, datetime.now(UTC)), entries)
    return Outcome(judgement, verdict, ReleaseRef(id=str(entry.number), bundle=kept.bundle))


def stopped(store: Store, kept: Judged, entries: Sequence[Entry]) -> Verdict:
    """The verdict, held for a person where the bundle was taken back; an older evaluation may not say so."""
    why = why_taken_back(store, entries, kept.bundle) if kept.verdict.passed else ""
    return kept.verdict if not why or why in kept.verdict.held else hold(kept.verdict, [why])


def entry_of(kept: Judged, last: int, sentence: str, why: str, by: str, now: datetime) -> Entry:
    """The release of a judged bundle as the entry after `last`."""
    return Entry(
        number=last + 1,
        decided_on=last,
        kind="release",
        bundle=kept.bundle,
        verdict=sentence,
        why=why,
        metrics={name: dict(row) for name, row in kept.evaluation.table.items()},
        at=now,
        by=by,
    )


def enter(store: Store, kept: Judged, settings: Settings, entry: Entry, entries: Sequence[Entry]) -> Entry:
    """Write the entry if what was judged is what serves now, and the bundle is whole. entries: the journal's so far.

    Holds and their ends since the evaluation do not matter: they changed nothing about what serves.
    """
    unchanged = [other.number for other in entries if not other.is_release]
    for number in range(kept.decided_on + 1, entry.number):
        if number not in unchanged:
            raise journal.moved_on(store, number)
    if not entry.verdict.startswith("Released"):
        what = f"its verdict does not release it: {entry.verdict}"
        raise LakeError(store.where(bundle_path(kept.bundle)), what, f"judge it again: run {materialize('evaluation')}")
    check_bundle(store, kept.bundle, settings)
    if kept.decided_on > entry.decided_on:  # the journal is an older one: `append` refuses it
        entry = entry.model_copy(update={"number": kept.decided_on + 1, "decided_on": kept.decided_on})
    journal.append(store, entry)
    return entry


def check_bundle(store: Store, bundle: str, settings: Settings) -> None:
    """Every byte of the bundle is as it was sealed, and it answers as it did at export.

    The lake's own files are looked at: a copy in this machine's cache says nothing about them. Raises BundleError where
    the bundle is damaged or gone, LakeError where the lake cannot be read.
    """
    fix = f"make it again and judge it: run {materialize('bundle,evaluation,release')}"
    if not store.exists(f"{bundle_path(bundle)}/{MANIFEST}"):
        raise BundleError(store.where(bundle_path(bundle)), f"is gone: bundle {bundle[:12]} was not released", fix)
    settings.cache.expanduser().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.cache.expanduser()) as fresh:
        try:
            opened = open_bundle(store.fetch_folder(bundle_path(bundle), Path(fresh)), bundle)
            check_golden(open_ranker(opened, device=settings.serving_device))
        except BundleError as error:
            raise BundleError(error.where, f"{error.what}: bundle {bundle[:12]} was not released", fix) from error


def _read(store: Store, ref: EvaluationRef) -> Judged:
    kept = read_evaluation(store, ref.id)
    if (kept.bundle, kept.decided_on) != (ref.bundle.id, ref.decided_on):
        what = f"is of bundle {kept.bundle[:12]} on release {kept.decided_on}, its reference says otherwise"
        raise LakeError(store.where(evaluation_path(ref.id)), what, f"judge it again: run {materialize('evaluation')}")
    return kept


def _as_held(verdict: Verdict, hold: Entry | None) -> Verdict:
    """What to say of it: a hold comes first."""
    if hold is None:
        return verdict
    return verdict.model_copy(update={"sentence": f"Not released: {hold_sentence(hold)}. {verdict.sentence}"})


def _profile(kept: Judged, verdict: Verdict, hold: Entry | None) -> Mapping[str, object]:
    waits = verdict.waits and kept.bundle != kept.champion
    return {
        "released": int(verdict.released),
        "sentence": f"{verdict.sentence}{_by_name(kept.bundle, verdict) if waits else ''}",
        "waits": int(waits),
        "waits_says": f"bundle {kept.bundle[:12]} waits for a person: {'; '.join(verdict.held)}" if waits else "",
        "holds": int(hold is not None),
        "hold": "" if hold is None else hold_sentence(hold),
    }


def _by_name(bundle: str, verdict: Verdict) -> str:
    """What a person may type, unless the verdict says it already."""
    command = release_by_name(bundle)
    return "" if command in verdict.sentence else f" A person may still say so: {command}."
