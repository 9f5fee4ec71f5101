"""The asset `evaluation`, without Dagster: everybody asked the same, and the verdict."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from freshet.artifacts import BundleRef, EvaluationRef
from freshet.errors import JournalError, LakeError
from freshet.evaluation.baseline_ratio import release_metrics
from freshet.evaluation.comparison import Comparison, ComparisonProgress, Evaluation, compare
from freshet.evaluation.guard_params import GuardParams
from freshet.evaluation.guards import SILENT_GUARDS, GuardInputs, apply_guards, run_guards
from freshet.evaluation.margins import ConfidenceInterval, ndcg_intervals
from freshet.evaluation.params import EvaluationParams
from freshet.evaluation.verdict import Verdict, decide_verdict
from freshet.evaluation.verdict_holds import add_holds
from freshet.inference.bundle import read_model_card
from freshet.inference.ranker import Ranker
from freshet.model.params import TrainParams
from freshet.releases import journal
from freshet.releases.current import Release, current_release
from freshet.releases.revoked import rollback_reason
from freshet.settings import Settings
from freshet.steps.evaluation.models import open_anchor, open_models
from freshet.steps.evaluation.profile import evaluation_profile
from freshet.steps.evaluation.windows import record_judged_bundle, reused_window_reasons
from freshet.steps.model_card import render_evaluated_card
from freshet.steps.step_result import StepResult, run_gate
from freshet.store import Store
from freshet.tables.reader import load_training_set


class EvaluationRecord(BaseModel):
    """What is kept of an evaluation: the table, the verdict, and what it was decided on."""

    model_config = ConfigDict(frozen=True)

    bundle: str
    champion: str | None
    decided_on: int
    evaluation: Evaluation
    verdict: Verdict


@dataclass(frozen=True)
class EvaluationRun:
    """An evaluation as it was made: what is kept, and the answers behind it."""

    record: EvaluationRecord
    comparison: Comparison
    card: str  # the bundle's model card with what was found
    intervals: Mapping[str, ConfidenceInterval]  # scorer → its mean NDCG; {} where there were no cases


def evaluate_bundle(
    settings: Settings,
    store: Store,
    ref: BundleRef,
    params: EvaluationParams,
    progress: ComparisonProgress | None = None,
    guard_params: GuardParams | None = None,
) -> StepResult[EvaluationRun, EvaluationRef]:
    """Ask challenger, champion, anchor and baselines the same baskets, which none of them has learned from, and decide.

    limits: of the guards; None: the defaults. Raises JournalError where the champion cannot be read and there is a
    release to go back to: roll back first.
    """
    guard_params = guard_params or GuardParams()
    data = load_training_set(settings, ref.model.training_set)
    journal_length = journal.entry_count(store)
    release, lost_reason = _serving_release(store, journal_length, settings)
    models = open_models(settings, store, ref, release, data, open_anchor(store, settings, journal_length))
    comparison = compare(
        data, models.challenger, models.champion, progress=progress, max_cases=params.max_cases,
        anchor=models.anchor, after=models.after,
    )  # fmt: skip
    same_configuration = models.champion is not None and _same_configuration(models.challenger, models.champion)
    verdict = decide_verdict(comparison, params, same_configuration=same_configuration)
    entries = journal.readable_entries(store, journal_length)
    past_standings = release_metrics(entries, params.ndcg_k, guard_params.n_reference_releases)
    guard_results = (
        run_guards(
            GuardInputs(comparison, past_standings, params, guard_params, same_configuration, settings.anchor_release)
        )
        if verdict.margin_tests
        else SILENT_GUARDS
    )
    champion_id = None if release is None else release.bundle.id
    verdict = apply_guards(
        verdict, guard_results, reused_window_reasons(store, champion_id, data.as_of, ref.id), models.warnings
    )
    if release is not None and release.bundle.id == ref.id:
        verdict = _already_serving_verdict(verdict, release)
    elif hold_reason := rollback_reason(store, entries, ref.id):
        verdict = add_holds(verdict, [hold_reason])
    if lost_reason:
        verdict = verdict.model_copy(update={"sentence": f"{verdict.sentence} What served is lost: {lost_reason}."})
    record = EvaluationRecord(
        bundle=ref.id,
        champion=champion_id,
        decided_on=journal_length,
        evaluation=comparison.evaluation,
        verdict=verdict,
    )
    events_snapshot = ref.model.training_set.snapshots.get("events")  # older training sets do not name it
    gate = run_gate(
        "evaluation", evaluation_profile(settings, comparison, data, params, guard_results, events_snapshot), settings
    )
    card = render_evaluated_card(read_model_card(models.challenger.bundle), record.evaluation, verdict)
    evaluation_ref = None if gate.refusal_reasons() else _store_evaluation(store, record, ref, card)
    return StepResult(gate, EvaluationRun(record, comparison, card, ndcg_intervals(comparison, params)), evaluation_ref)


def evaluation_path(evaluation_id: str) -> str:
    """Where an evaluation lies in the lake."""
    return f"evaluations/{evaluation_id}.json"


def card_path(evaluation_id: str) -> str:
    """Where the model card of an evaluation lies in the lake."""
    return f"evaluations/{evaluation_id}.md"


def _store_evaluation(store: Store, record: EvaluationRecord, ref: BundleRef, card: str) -> EvaluationRef:
    content = record.model_dump_json(indent=1).encode()
    evaluation_id = hashlib.sha256(content).hexdigest()
    store.put_if_absent(card_path(evaluation_id), card.encode())
    store.put_if_absent(evaluation_path(evaluation_id), content)
    if record.verdict.margin_tests and record.bundle != record.champion:
        record_judged_bundle(store, record.champion, record.evaluation.as_of, record.bundle)
    return EvaluationRef(id=evaluation_id, bundle=ref, decided_on=record.decided_on)


def _same_configuration(challenger: Ranker, champion: Ranker) -> bool:
    """Of the same configuration, wherever their weights began: the challenger is only fresher."""
    return _training_config(challenger) == _training_config(champion)


def _training_config(ranker: Ranker) -> Mapping[str, object]:
    """Its parameters; what an older Freshet did not write down yet is what the default is now."""

    parameters = {**TrainParams().model_dump(mode="json"), **ranker.bundle.manifest.parameters}
    return {name: value for name, value in parameters.items() if not name.startswith("warm_")}


def _serving_release(store: Store, journal_length: int, settings: Settings) -> tuple[Release | None, str]:
    """(What serves, why it is lost). Lost for good, with nothing to go back to, a challenger meets the baselines only.

    Not when the store itself could not be read: then what serves may well be there.
    """
    try:
        return current_release(store, settings.cache_dir), ""
    except JournalError as error:
        if isinstance(error.__cause__, LakeError) or journal.previous_release(store, journal_length) is not None:
            raise
        return None, f"release {journal_length} {error.what}"


def _already_serving_verdict(verdict: Verdict, release: Release) -> Verdict:
    sentence = f"Nothing to release: this very bundle serves already, since {release.entry.title}."
    return verdict.model_copy(update={"released": False, "sentence": sentence})
