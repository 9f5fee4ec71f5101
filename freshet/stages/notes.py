"""What the diary says of each stage: plain figures out of what the stage made."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from freshet.diary import Note, Point, Version
from freshet.live.journal import bundle_path
from freshet.references import BundleRef, EvaluationRef, ModelRef, SearchRef, TrainingSetRef
from freshet.stages.outcome import Outcome
from freshet.store import Store
from freshet.version import code_version

if TYPE_CHECKING:
    from freshet.model.search import Found, Trial
    from freshet.model.training import Trained
    from freshet.stages.bundle import Proven
    from freshet.stages.evaluation import Judged

NDCG = "ndcg@10"


def of_training(outcome: "Outcome[Trained, ModelRef]", data: TrainingSetRef, now: datetime) -> Note:
    """The training that ended now: parameters, both curves, what it cost, what its gate said."""
    made, ref = outcome.made, outcome.ref
    curves = [(NDCG, p.ndcg_at_10, p) for p in made.curve] + [("loss", p.loss, p) for p in made.curve]
    return Note(
        key="" if ref is None else model_key(ref),
        name=f"trained_model {data.as_of}",
        began=now - timedelta(seconds=made.seconds),
        seconds=made.seconds,
        parameters=made.params.model_dump(),
        metrics={
            "best_epoch": made.best.epoch,
            "best_ndcg@10": made.best.ndcg_at_10,
            "seconds": made.seconds,
            "interactions_per_second": made.interactions_per_second,
            "peak_memory_mib": made.peak_memory / 2**20,
        },
        curves=tuple(Point(name, value, p.epoch, p.seconds) for name, value, p in curves),
        tags={**_tags(data), "device": made.device, "gate": outcome.message() or "passed"},
        failed=ref is None,
    )


def of_search(outcome: "Outcome[Found, SearchRef]", data: TrainingSetRef, now: datetime) -> Note:
    """The study, with every trial that is over as a run inside it."""
    found = outcome.made
    began = now - timedelta(seconds=found.seconds)
    over = [trial for trial in found.trials if trial.state in ("complete", "pruned", "failed")]
    best = {} if found.best is None or found.best.score is None else {"best_ndcg@10": found.best.score}
    return Note(
        key=f"study {found.study}",
        name=f"search {data.as_of}",
        began=began,
        seconds=found.seconds,
        metrics={"trials": len(found.trials), "complete": len(found.complete), **best},
        tags={**_tags(data), "study": found.study, "gate": outcome.message() or "passed"},
        children=tuple(_trial(found, trial, began) for trial in over),
    )


def of_bundle(outcome: "Outcome[Proven | None, BundleRef]", store: Store) -> Version | None:
    """The bundle as a version; None where its gate refused it."""
    if outcome.ref is None or outcome.made is None:
        return None
    return _version(outcome.ref, store, {"precision": outcome.made.bundle.manifest.precision})


def of_evaluation(kept: "Judged", ref: BundleRef, now: datetime) -> Note:
    """Figures of everybody that was asked, beside the training of the challenger."""
    table = kept.evaluation.table
    return Note(
        key=model_key(ref.model),
        name=f"trained_model {ref.model.training_set.as_of}",
        began=now,
        metrics={f"{who}/{metric}": value for who, row in table.items() for metric, value in row.items()},
        tags={"verdict": kept.verdict.sentence, "rule": kept.verdict.rule},
    )


def of_release(ref: EvaluationRef, number: str, store: Store) -> Version:
    """The bundle as the version that serves from this release on."""
    return _version(ref.bundle, store, {"release": number})


def model_key(ref: ModelRef) -> str:
    """What its run is found by."""
    return f"model {ref.id}"


def _version(ref: BundleRef, store: Store, tags: Mapping[str, str]) -> Version:
    place = store.where(bundle_path(ref.id))
    return Version(ref.id, place, model_key(ref.model), {"model": ref.model.id, **tags})


def _trial(found: "Found", trial: "Trial", began: datetime) -> Note:
    return Note(
        key=f"trial {trial.number} of {found.study}",
        name=f"trial {trial.number}{' (default)' if trial.is_default else ''}",
        began=began,
        seconds=trial.seconds,
        parameters=found.parameters(trial).model_dump() if trial.score is not None else trial.parameters,
        metrics={} if trial.score is None else {"best_ndcg@10": trial.score},
        curves=tuple(Point(NDCG, value, epoch, 0.0) for epoch, value in sorted(trial.curve.items())),
        tags={"state": trial.state, **({"why": trial.why} if trial.why else {})},
    )


def _tags(data: TrainingSetRef) -> dict[str, str]:
    snapshots = {f"snapshot.{table}": str(number) for table, number in data.snapshots.items()}
    return {"code": code_version(), "as_of": str(data.as_of), "cut": str(data.cut), **snapshots}
