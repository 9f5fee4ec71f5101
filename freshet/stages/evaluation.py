"""The asset `evaluation`, without Dagster: everybody asked the same, and the verdict."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from freshet.errors import JournalError, LakeError
from freshet.judge.card import evaluated_card
from freshet.judge.comparison import Comparison, Evaluation, Report, compare
from freshet.judge.guard_params import GuardParams
from freshet.judge.guards import QUIET, Judgeable, guarded, signs
from freshet.judge.holds import hold
from freshet.judge.margins import Interval, intervals
from freshet.judge.params import JudgeParams
from freshet.judge.verdict import Verdict, decide
from freshet.judge.yardstick import standings
from freshet.live import journal
from freshet.live.bundle import model_card
from freshet.live.ranker import Ranker
from freshet.live.released import Release, current_release
from freshet.live.taken_back import why_taken_back
from freshet.references import BundleRef, EvaluationRef
from freshet.settings import Settings
from freshet.stages.judged_models import judged_models, open_anchor
from freshet.stages.judging_profile import judging_profile
from freshet.stages.looks import keep_look, spent_window
from freshet.stages.outcome import Outcome, judged
from freshet.store import Store
from freshet.tables.reading import load_training_set


class Judged(BaseModel):
    """What is kept of an evaluation: the table, the verdict, and what it was decided on."""

    model_config = ConfigDict(frozen=True)

    bundle: str
    champion: str | None
    decided_on: int
    evaluation: Evaluation
    verdict: Verdict


@dataclass(frozen=True)
class Judging:
    """An evaluation as it was made: what is kept, and the answers behind it."""

    kept: Judged
    comparison: Comparison
    card: str  # the bundle's model card with what was found
    intervals: Mapping[str, Interval]  # scorer → its mean NDCG; {} where there were no cases


def evaluate_bundle(
    settings: Settings,
    store: Store,
    ref: BundleRef,
    params: JudgeParams,
    report: Report | None = None,
    limits: GuardParams | None = None,
) -> Outcome[Judging, EvaluationRef]:
    """Ask challenger, champion, anchor and baselines the same baskets, which none of them has learned from, and decide.

    limits: of the guards; None: the defaults. Raises JournalError where the champion cannot be read and there is a
    release to go back to: roll back first.
    """
    limits = limits or GuardParams()
    data = load_training_set(settings, ref.model.training_set)
    number = journal.length(store)
    release, lost = _serving(store, number, settings)
    models = judged_models(settings, store, ref, release, data, open_anchor(store, settings, number))
    comparison = compare(
        data, models.challenger, models.champion, report=report, most_cases=params.most_cases,
        anchor=models.anchor, after=models.after,
    )  # fmt: skip
    fresher = models.champion is not None and _alike(models.challenger, models.champion)
    verdict = decide(comparison, params, same_configuration=fresher)
    entries = journal.readable(store, number)
    past = standings(entries, params.ndcg_k, limits.recent)
    found = (
        signs(Judgeable(comparison, past, params, limits, fresher, settings.anchor_release))
        if verdict.margins
        else QUIET
    )
    serves = None if release is None else release.bundle.id
    verdict = guarded(verdict, found, spent_window(store, serves, data.as_of, ref.id), models.warnings)
    if release is not None and release.bundle.id == ref.id:
        verdict = _serves_already(verdict, release)
    elif why := why_taken_back(store, entries, ref.id):
        verdict = hold(verdict, [why])
    if lost:
        verdict = verdict.model_copy(update={"sentence": f"{verdict.sentence} What served is lost: {lost}."})
    kept = Judged(
        bundle=ref.id,
        champion=serves,
        decided_on=number,
        evaluation=comparison.evaluation,
        verdict=verdict,
    )
    events = ref.model.training_set.snapshots.get("events")  # older training sets do not name it
    judgement = judged("evaluation", judging_profile(settings, comparison, data, params, found, events), settings)
    card = evaluated_card(model_card(models.challenger.bundle), kept.evaluation, verdict)
    made = None if judgement.bad() else _keep(store, kept, ref, card)
    return Outcome(judgement, Judging(kept, comparison, card, intervals(comparison, params)), made)


def evaluation_path(evaluation: str) -> str:
    """Where an evaluation lies in the lake."""
    return f"evaluations/{evaluation}.json"


def card_path(evaluation: str) -> str:
    """Where the model card of an evaluation lies in the lake."""
    return f"evaluations/{evaluation}.md"


def _keep(store: Store, kept: Judged, ref: BundleRef, card: str) -> EvaluationRef:
    content = kept.model_dump_json(indent=1).encode()
    name = hashlib.sha256(content).hexdigest()
    store.put_if_absent(card_path(name), card.encode())
    store.put_if_absent(evaluation_path(name), content)
    if kept.verdict.margins and kept.bundle != kept.champion:
        keep_look(store, kept.champion, kept.evaluation.as_of, kept.bundle)
    return EvaluationRef(id=name, bundle=ref, decided_on=kept.decided_on)


def _alike(challenger: Ranker, champion: Ranker) -> bool:
    """Of the same configuration, wherever their weights began: the challenger is only fresher."""
    return _configured(challenger) == _configured(champion)


def _configured(ranker: Ranker) -> Mapping[str, object]:
    """Its parameters; what an older Freshet did not write down yet is what the default is now."""
    from freshet.model.params import TrainParams

    told = {**TrainParams().model_dump(mode="json"), **ranker.bundle.manifest.parameters}
    return {name: value for name, value in told.items() if not name.startswith("warm_")}


def _serving(store: Store, number: int, settings: Settings) -> tuple[Release | None, str]:
    """(What serves, why it is lost). Lost for good, with nothing to go back to, a challenger meets the baselines only.

    Not when the store itself could not be read: then what serves may well be there.
    """
    try:
        return current_release(store, settings.cache), ""
    except JournalError as error:
        if isinstance(error.__cause__, LakeError) or journal.earlier(store, number) is not None:
            raise
        return None, f"release {number} {error.what}"


def _serves_already(verdict: Verdict, release: Release) -> Verdict:
    sentence = f"Nothing to release: this very bundle serves already, since {release.entry.title}."
    return verdict.model_copy(update={"released": False, "sentence": sentence})
