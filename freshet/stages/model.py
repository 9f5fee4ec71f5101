"""The asset `trained_model`, without Dagster: train, judge, keep."""

import logging
import math
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from freshet.item_inputs import told
from freshet.references import ModelRef, TrainingSetRef
from freshet.settings import Settings
from freshet.stages.cost import cost_of
from freshet.stages.outcome import Outcome, judged
from freshet.stages.task import Task
from freshet.stages.unfinished import forget_abandoned
from freshet.stages.yesterday import yesterday_of
from freshet.store import Store
from freshet.tables.reading import load_training_set

if TYPE_CHECKING:
    from freshet.model.params import TrainParams
    from freshet.model.run_params import RunParams
    from freshet.model.training import Progress, Trained

log = logging.getLogger("freshet")


def train_model(
    settings: Settings,
    store: Store,
    ref: TrainingSetRef,
    params: "TrainParams",
    tell: Callable[["Progress"], None],
    run: "RunParams | None" = None,
) -> "Outcome[Trained, ModelRef]":
    """Train on the set that `ref` names. The weights are kept only if the gate passes.

    A training of the same set with the same parameters that was killed goes on where it stood. With a warm start it
    begins with the champion's weights; `auto` trains cold in its place where the gate refuses what came of it.
    Raises FreshetError where there is too little to learn from.
    """
    from freshet.model.run_params import RunParams

    forget_abandoned(store, datetime.now(UTC))
    data = load_training_set(settings, ref)
    task = Task(settings, store, ref, params, run or RunParams(), tell)
    yesterday = yesterday_of(settings, store, data.vocabulary, params, data.cut)
    trained = task.done(data, yesterday)
    judgement = judged("trained_model", _profile(trained), settings)
    if judgement.bad() and yesterday is not None and params.warm_start == "auto":
        log.warning("training cold: %s", Outcome(judgement, trained, None).message())
        task.forget(yesterday)
        yesterday = None
        trained = task.done(data, None)
        judgement = judged("trained_model", _profile(trained), settings)
    kept = None if judgement.bad() else _keep(settings, store, trained, ref)
    task.forget(yesterday)
    return Outcome(judgement, trained, kept)


def model_path(model: str) -> str:
    """Where a model's weights and JSON lie in the lake."""
    return f"models/{model}"


def _keep(settings: Settings, store: Store, trained: "Trained", ref: TrainingSetRef) -> ModelRef:
    from freshet.model import checkpoint

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        checkpoint.save(trained.model, folder)
        name = checkpoint.fingerprint(folder)
        store.put_folder(folder, model_path(name), checkpoint.CONFIG)
    best: dict[str, JsonValue] = {
        "epoch": trained.best.epoch, "loss": trained.best.loss, "validation_ndcg@10": trained.best.ndcg_at_10,
        "blended_ndcg@10": trained.blended_ndcg_at_10,
    }  # fmt: skip
    best |= {"warm_from": trained.warm_from} if trained.warm_from else {}
    how = {**trained.params.model_dump(), "item_inputs": told(trained.config.inputs)}
    cost = dict(cost_of(trained, settings))
    return ModelRef(id=name, training_set=ref, parameters=how, metrics=best, cost=cost)


def _profile(trained: "Trained") -> Mapping[str, object]:
    weights = trained.model.state_dict().values()
    loss = trained.curve[-1].loss
    chance = math.log(trained.config.items) - _flattered(trained)  # what guessing among V items costs
    return {
        "not_finite": sum(int((~w.isfinite()).sum()) for w in weights if w.is_floating_point()),
        "loss": loss,
        "chance": chance,
        "below_chance": chance - loss if math.isfinite(loss) else -math.inf,
        **_remembered(trained),
    }


def _flattered(trained: "Trained") -> float:
    """Nats by which the loss of drawn items may be low: the logarithm of a sum that is right on average only."""
    from freshet.model.drawing import draws
    from freshet.model.params import FRESHET

    ours = trained.params.model == FRESHET  # a module of a team's own scores all items
    return 0.1 if ours and draws(trained.config.items, trained.params.negatives) else 0.0


def _remembered(trained: "Trained") -> Mapping[str, object]:
    """What a warm start has kept; a cold one has nothing to forget."""
    found = trained.remembered
    if found is None:
        return {"older_cases": 0, "older_before": 0.0, "older_now": 0.0, "forgotten": 0.0}
    return {
        "older_cases": found.cases,
        "older_before": found.yesterday,
        "older_now": found.today,
        "forgotten": found.forgotten,
    }
