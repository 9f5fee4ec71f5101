"""The asset `evaluation`: score challenger, champion and baselines on the same cases, and decide the verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from freshet.artifacts import BundleRef, EvaluationRef
from freshet.data.training_set import TrainingSet
from freshet.errors import JournalError, LakeError
from freshet.evaluation.baseline_ratio import release_metrics
from freshet.evaluation.comparison import Comparison, ComparisonProgress, compare
from freshet.evaluation.guard_params import GuardParams
from freshet.evaluation.guards import SILENT_GUARDS, GuardInputs, GuardResult, apply_guards, run_guards
from freshet.evaluation.margins import ConfidenceInterval, ndcg_intervals
from freshet.evaluation.params import EvaluationParams
from freshet.evaluation.verdict import Verdict, decide_verdict
from freshet.evaluation.verdict_holds import add_holds
from freshet.inference.bundle import read_model_card
from freshet.inference.ranker import Ranker
from freshet.model.params import TrainParams, current_parameters
from freshet.releases import journal
from freshet.releases.current import Release, current_release
from freshet.releases.journal import JournalEntry
from freshet.releases.rolled_back import rollback_reason
from freshet.settings import Settings
from freshet.steps.evaluation.models import EvaluatedModels, open_anchor, open_models
from freshet.steps.evaluation.profile import evaluation_profile
from freshet.steps.evaluation.records import EvaluationRecord, write_evaluation
from freshet.steps.evaluation.windows import record_evaluated_bundle, reused_window_reasons
from freshet.steps.model_card import render_evaluated_card
from freshet.steps.step_result import StepResult, run_gate
from freshet.store import Store
from freshet.tables.reader import load_training_set


@dataclass(frozen=True)
class EvaluationRun:
    """The result of an evaluation: the record for the lake, and the scores it was computed from."""

    record: EvaluationRecord
    comparison: Comparison
    card: str  # the bundle's model card with the evaluation
    intervals: Mapping[str, ConfidenceInterval]  # scorer → its mean NDCG; {} without cases


@dataclass(frozen=True)
class _ReleaseState:
    """The journal and the release that the challenger is compared with, as they were when the evaluation started."""

    journal_length: int
    entries: Sequence[JournalEntry]  # the readable ones, oldest first
    release: Release | None
    lost_reason: str  # why the current release cannot be opened; "" if it can

    @property
    def champion_id(self) -> str | None:
        """The released bundle."""
        return None if self.release is None else self.release.bundle.id


@dataclass(frozen=True)
class _EvaluationInputs:
    """Everything that an evaluation reads."""

    settings: Settings
    store: Store
    ref: BundleRef
    params: EvaluationParams
    guard_params: GuardParams
    data: TrainingSet
    state: _ReleaseState
    models: EvaluatedModels


def evaluate_bundle(
    settings: Settings,
    store: Store,
    ref: BundleRef,
    params: EvaluationParams,
    progress: ComparisonProgress | None = None,
    guard_params: GuardParams | None = None,
) -> StepResult[EvaluationRun, EvaluationRef]:
    """Score challenger, champion, anchor and baselines on held-out baskets, decide the verdict and store both.

    guard_params: None means the defaults. Raises JournalError if the champion cannot be opened while an earlier release
    exists: roll back first.
    """
    data, state = load_training_set(settings, ref.model.training_set), _release_state(store, settings)
    models = open_models(settings, store, ref, state.release, data, open_anchor(store, settings, state.journal_length))
    inputs = _EvaluationInputs(
        settings=settings, store=store, ref=ref, params=params, guard_params=guard_params or GuardParams(),
        data=data, state=state, models=models,
    )  # fmt: skip
    comparison = compare(
        data, models.challenger, models.champion, progress=progress, max_cases=params.max_cases,
        anchor=models.anchor, after=models.after,
    )  # fmt: skip
    same_configuration = models.champion is not None and is_same_configuration(models.challenger, models.champion)
    verdict = decide_verdict(comparison, params, same_configuration=same_configuration)
    guard_results = SILENT_GUARDS
    if verdict.margin_tests:
        guard_results = _guard_results(inputs, comparison, same_configuration=same_configuration)
    return _gated_result(inputs, comparison, guard_results, _final_verdict(inputs, verdict, guard_results))


def _release_state(store: Store, settings: Settings) -> _ReleaseState:
    journal_length = journal.entry_count(store)
    entries = journal.readable_entries(store, journal_length)
    try:
        return _ReleaseState(journal_length, entries, current_release(store, settings.cache_dir), "")
    except JournalError as error:
        # A store that could not be read may still hold the bundle, and an earlier release can be rolled back to.
        # Otherwise the release is lost for good, and the challenger is compared with the baselines only.
        if isinstance(error.__cause__, LakeError) or journal.previous_release(store, journal_length) is not None:
            raise
        return _ReleaseState(journal_length, entries, None, f"release {journal_length} {error.what}")


def _guard_results(
    inputs: _EvaluationInputs, comparison: Comparison, *, same_configuration: bool
) -> tuple[GuardResult, ...]:
    params, guard_params = inputs.params, inputs.guard_params
    past_releases = release_metrics(inputs.state.entries, params.ndcg_k, guard_params.n_reference_releases)
    return run_guards(
        GuardInputs(
            comparison=comparison,
            past_releases=past_releases,
            evaluation_params=params,
            guard_params=guard_params,
            same_configuration=same_configuration,
            anchor_release=inputs.settings.anchor_release,
        )
    )


def _final_verdict(inputs: _EvaluationInputs, verdict: Verdict, guard_results: Sequence[GuardResult]) -> Verdict:
    """Return the verdict with its holds: from guards, from an evaluation window used before, from a rollback."""
    state, bundle_id = inputs.state, inputs.ref.id
    window_holds = reused_window_reasons(inputs.store, state.champion_id, inputs.data.as_of, bundle_id)
    verdict = apply_guards(verdict, guard_results, window_holds, inputs.models.warnings)
    if state.release is not None and state.release.bundle.id == bundle_id:
        sentence = f"Nothing to release: this bundle is already released, since {state.release.entry.title}."
        verdict = verdict.model_copy(update={"released": False, "sentence": sentence})
    elif hold_reason := rollback_reason(inputs.store, state.entries, bundle_id):
        verdict = add_holds(verdict, [hold_reason])
    if state.lost_reason:
        sentence = f"{verdict.sentence} The released bundle is lost: {state.lost_reason}."
        verdict = verdict.model_copy(update={"sentence": sentence})
    return verdict


def _gated_result(
    inputs: _EvaluationInputs, comparison: Comparison, guard_results: Sequence[GuardResult], verdict: Verdict
) -> StepResult[EvaluationRun, EvaluationRef]:
    """Check the evaluation at its gate, and store it if the gate passes."""
    record = EvaluationRecord(
        bundle=inputs.ref.id,
        champion=inputs.state.champion_id,
        decided_on=inputs.state.journal_length,
        evaluation=comparison.evaluation,
        verdict=verdict,
    )
    profile = evaluation_profile(
        inputs.settings, comparison, inputs.data, inputs.params, guard_results,
        inputs.ref.model.training_set.snapshots.get("events"),  # older training sets do not name it
    )  # fmt: skip
    gate = run_gate("evaluation", profile, inputs.settings)
    card = render_evaluated_card(read_model_card(inputs.models.challenger.bundle), record.evaluation, verdict)
    run = EvaluationRun(record, comparison, card, ndcg_intervals(comparison, inputs.params))
    ref = None if gate.refusal_reasons() else _store_evaluation(inputs.store, record, inputs.ref, card)
    return StepResult(gate, run, ref)


def _store_evaluation(store: Store, record: EvaluationRecord, ref: BundleRef, card: str) -> EvaluationRef:
    evaluation_id = write_evaluation(store, record, card)
    if record.verdict.margin_tests and record.bundle != record.champion:
        record_evaluated_bundle(store, record.champion, record.evaluation.as_of, record.bundle)
    return EvaluationRef(id=evaluation_id, bundle=ref, decided_on=record.decided_on)


def is_same_configuration(challenger: Ranker, champion: Ranker) -> bool:
    """Whether both were trained with the same parameters, apart from warm start: only their training days differ."""
    return _training_config(challenger) == _training_config(champion)


def _training_config(ranker: Ranker) -> Mapping[str, object]:
    """Return the training parameters; those that an older bundle lacks have the current defaults."""
    parameters = {**TrainParams().model_dump(mode="json"), **current_parameters(ranker.bundle.manifest.parameters)}
    return {name: value for name, value in parameters.items() if not name.startswith("warm_")}
