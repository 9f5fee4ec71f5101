"""The asset `release`, without Dagster: the journal's next entry, if the verdict says so."""

from datetime import UTC, datetime

from freshet.judge.verdict import Verdict
from freshet.live import journal
from freshet.live.journal import Entry
from freshet.references import EvaluationRef, ReleaseRef
from freshet.settings import Settings
from freshet.stages.evaluation import Judged, evaluation_path
from freshet.stages.outcome import Outcome, judged
from freshet.store import Store


def release_bundle(store: Store, ref: EvaluationRef, settings: Settings, by: str) -> Outcome[Verdict, ReleaseRef]:
    """Write the journal's next entry if the verdict says so. A rejected challenger changes nothing.

    Raises JournalError when the journal has moved on since the champion was scored: evaluate again.
    """
    kept = Judged.model_validate_json(store.get(evaluation_path(ref.id)))
    verdict = kept.verdict
    judgement = judged("release", {"released": int(verdict.released), "sentence": verdict.sentence}, settings)
    if not verdict.released:
        return Outcome(judgement, verdict, None)
    entry = Entry(
        number=ref.decided_on + 1,
        decided_on=ref.decided_on,
        kind="release",
        bundle=kept.bundle,
        verdict=verdict.sentence,
        why="; ".join(verdict.reasons),
        metrics={name: dict(row) for name, row in kept.evaluation.table.items()},
        at=datetime.now(UTC),
        by=by,
    )
    journal.append(store, entry)
    return Outcome(judgement, verdict, ReleaseRef(id=str(entry.number), bundle=kept.bundle))
