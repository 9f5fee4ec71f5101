"""The asset `trained_model`, without Dagster: train, check the gate, store the model."""

import logging
import math
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from freshet.artifacts import ModelRef, TrainingSetRef, model_path
from freshet.item_schema import format_schema
from freshet.settings import Settings
from freshet.steps.step_result import StepResult, run_gate
from freshet.steps.training.cost import training_cost
from freshet.steps.training.job import TrainingJob
from freshet.steps.training.unfinished_trainings import remove_abandoned
from freshet.steps.training.warm_start import load_warm_start
from freshet.store import Store
from freshet.tables.reader import load_training_set
from freshet.training.run_params import RunParams

if TYPE_CHECKING:
    from freshet.model.params import TrainParams
    from freshet.training.trainer import EpochMetrics, TrainingResult

log = logging.getLogger("freshet")


def train_model(
    settings: Settings,
    store: Store,
    ref: TrainingSetRef,
    params: "TrainParams",
    on_epoch: Callable[["EpochMetrics"], None],
    run_params: RunParams | None = None,
) -> "StepResult[TrainingResult, ModelRef]":
    """Train on the training set of `ref` and store the model if the gate passes.

    A killed training of the same set with the same parameters is resumed. A warm start begins with the champion's
    weights; with `auto`, a cold start follows if the gate rejects its model.
    Raises FreshetError if the training set is too small.
    """
    remove_abandoned(store, datetime.now(UTC))
    data = load_training_set(settings, ref)
    job = TrainingJob(settings, store, ref, params, run_params or RunParams(), on_epoch)
    warm_model = load_warm_start(settings, store, data.vocabulary, params, data.train_until)
    result = job.train(data, warm_model)
    gate = run_gate("trained_model", _profile(result), settings)
    if gate.refusal_reasons() and warm_model is not None and params.warm_start == "auto":
        log.warning("training cold: %s", StepResult(gate, result, None).message())
        job.discard_state(warm_model)
        warm_model = None
        result = job.train(data, None)
        gate = run_gate("trained_model", _profile(result), settings)
    model_ref = None if gate.refusal_reasons() else _store_model(settings, store, result, ref)
    job.discard_state(warm_model)
    return StepResult(gate, result, model_ref)


def _store_model(
    settings: Settings, store: Store, result: "TrainingResult", training_set_ref: TrainingSetRef
) -> ModelRef:
    from freshet.model import checkpoint

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        checkpoint.save(result.model, folder)
        model_id = checkpoint.fingerprint(folder)
        store.put_folder(folder, model_path(model_id), checkpoint.CONFIG_FILE)
    metrics: dict[str, JsonValue] = {
        "epoch": result.best.epoch, "loss": result.best.loss, "validation_ndcg@10": result.best.ndcg_at_10,
        "blended_ndcg@10": result.blended_ndcg_at_10,
    }  # fmt: skip
    metrics |= {"warm_from": result.warm_start_id} if result.warm_start_id else {}
    parameters = {**result.params.model_dump(), "item_schema": format_schema(result.config.item_schema)}
    cost = dict(training_cost(result, settings))
    return ModelRef(id=model_id, training_set=training_set_ref, parameters=parameters, metrics=metrics, cost=cost)


def _profile(result: "TrainingResult") -> Mapping[str, object]:
    weights = result.model.state_dict().values()
    loss = result.curve[-1].loss
    chance = math.log(result.config.n_items) - _sampling_loss_bias(result)  # the loss of uniform scores
    return {
        "not_finite": sum(int((~w.isfinite()).sum()) for w in weights if w.is_floating_point()),
        "loss": loss,
        "chance_loss": chance,
        "below_chance": chance - loss if math.isfinite(loss) else -math.inf,
        **_forgetting_metrics(result),
    }


def _sampling_loss_bias(result: "TrainingResult") -> float:
    """Return the nats by which negative sampling may underestimate the loss: the logarithm of an unbiased sum."""
    return 0.1 if result.used_sampling else 0.0


def _forgetting_metrics(result: "TrainingResult") -> Mapping[str, object]:
    """Return the metrics of the forgetting gate; zeros for a cold start."""
    report = result.forgetting
    if report is None:
        return {"older_cases": 0, "champion_older_ndcg": 0.0, "older_ndcg": 0.0, "forgetting": 0.0}
    return {
        "older_cases": report.n_cases,
        "champion_older_ndcg": report.previous_ndcg,
        "older_ndcg": report.current_ndcg,
        "forgetting": report.ndcg_loss_rate,
    }
