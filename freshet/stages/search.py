"""The asset `search`, without Dagster: try configurations, judge the winner, keep its parameters."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from freshet.errors import FreshetError
from freshet.references import SearchRef, TrainingSetRef
from freshet.settings import Settings
from freshet.stages.outcome import Outcome, judged
from freshet.tables.reading import load_training_set

if TYPE_CHECKING:
    from freshet.model.search import Found
    from freshet.model.space import SearchParams

FILE = "studies.db"


def search_parameters(
    settings: Settings, ref: TrainingSetRef, params: "SearchParams", tell: Callable[[str], None] = lambda _: None
) -> "Outcome[Found, SearchRef]":
    """Search on the set that `ref` names. There is a reference only if the winner beats the default configuration.

    Raises FreshetError where there is too little to learn from, or `params` names what does not exist.
    """
    from freshet.model.lesson import lesson
    from freshet.model.search import Job, search
    from freshet.model.space import base_of, space_of
    from freshet.model.study import study_name

    asked = base_of(params)
    space_of(params, asked)  # a wish that cannot be met is named before anything is read
    data = load_training_set(settings, ref)
    taught = lesson(data, asked)
    # What is left to a rule is what the rule says here: only a number can be the first trial's.
    base = asked.settled(len(taught.corpus.items), len(data.vocabulary))
    space = space_of(params, base)
    name = study_name({**ref.model_dump(mode="json"), "item_inputs": settings.item_inputs}, base, space)
    job = Job(taught, data.vocabulary, base, space, settings.device, tell)
    found = search(job, params, study_database(settings), name)
    return handed_over(settings, found, ref, params)


def handed_over(
    settings: Settings, found: "Found", ref: TrainingSetRef, params: "SearchParams"
) -> "Outcome[Found, SearchRef]":
    """What was found, judged; the winner's parameters only where they beat the default's."""
    judgement = judged("search", profile(found, params), settings)
    kept = None if judgement.bad() or gain(found) <= 0 else _ref(found, ref)
    return Outcome(judgement, found, kept)


def study_database(settings: Settings) -> str:
    """The address of the study database: the setting, else an SQLite file of this machine, whose folder is made.

    Raises FreshetError where the folder cannot be made.
    """
    if settings.study_database is not None:
        return settings.study_database.get_secret_value()
    try:
        settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        fix = "make it writable, or set FRESHET_STATE to a folder that is"
        raise FreshetError(str(settings.state), f"cannot be made ({error.strerror})", fix) from None
    return f"sqlite:///{settings.state / FILE}"


def profile(found: "Found", params: "SearchParams") -> Mapping[str, object]:
    """What the gate judges: a row of counts."""
    scores = [trial.score for trial in found.complete if trial.score is not None]
    default = [trial.why or trial.state for trial in found.trials if trial.is_default]
    return {
        "trials": len(found.trials),
        "complete": len(scores),
        "needed": params.least_complete,
        "lacking": max(0, params.least_complete - len(scores)),
        "default_missing": int(found.default is None),
        "default_why": default[-1] if default else "it was never tried",
        "not_finite": sum(not math.isfinite(score) for score in scores),
        "better": int(gain(found) > 0),
        "sentence": sentence(found),
    }


def gain(found: "Found") -> float:
    """By how much the winner's NDCG@10 is above the default's; 0 where one of them is missing."""
    best, default = found.best, found.default
    if best is None or default is None or best.score is None or default.score is None:
        return 0.0
    return best.score - default.score


def sentence(found: "Found") -> str:
    """What came out of it, in one sentence."""
    best, default = found.best, found.default
    if best is None or default is None or best.score is None or default.score is None:
        return "There is no score to compare."
    tried = f"{len(found.complete)} of {len(found.trials)} trials went to their end"
    if gain(found) <= 0:
        return f"Nothing beat the default configuration, NDCG@10 {default.score:.4f} ({tried})."
    return f"Trial {best.number}: NDCG@10 {best.score:.4f} against {default.score:.4f} of the default ({tried})."


def _ref(found: "Found", training_set: TrainingSetRef) -> SearchRef | None:
    best, default = found.best, found.default
    if best is None or default is None:
        return None
    content: dict[str, Any] = {
        "study": found.study,
        "trial": best.number,
        "parameters": found.parameters(best).model_dump(),
        "metrics": {"validation_ndcg@10": best.score, "default_validation_ndcg@10": default.score},
    }
    name = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return SearchRef(id=name, training_set=training_set, **content)
