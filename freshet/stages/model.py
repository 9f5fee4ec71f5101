"""The asset `trained_model`, without Dagster: train, judge, keep."""

import hashlib
import math
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from freshet.item_inputs import told
from freshet.references import ModelRef, TrainingSetRef
from freshet.settings import Settings
from freshet.stages.outcome import Outcome, judged
from freshet.stages.unfinished import forget_abandoned, resume_point
from freshet.store import Store
from freshet.tables.reading import load_training_set

if TYPE_CHECKING:
    from freshet.model.params import TrainParams
    from freshet.model.run_params import RunParams
    from freshet.model.training import Progress, Trained


def train_model(
    settings: Settings,
    store: Store,
    ref: TrainingSetRef,
    params: "TrainParams",
    tell: Callable[["Progress"], None],
    run: "RunParams | None" = None,
) -> "Outcome[Trained, ModelRef]":
    """Train on the set that `ref` names. The weights are kept only if the gate passes.

    A training of the same set with the same parameters that was killed goes on where it stood.
    Raises FreshetError where there is too little to learn from.
    """
    from freshet.model.run_params import RunParams
    from freshet.model.training import Means, train

    run = run or RunParams()
    forget_abandoned(store, datetime.now(UTC))
    resume = resume_point(store, ref, params, run)
    trained = train(load_training_set(settings, ref), params, settings.device, tell, Means(resume, run=run))
    judgement = judged("trained_model", _profile(trained), settings)
    kept = None if judgement.bad() else _keep(store, trained, ref)
    resume.remove()
    return Outcome(judgement, trained, kept)


def model_path(model: str) -> str:
    """Where a model's weights and JSON lie in the lake."""
    return f"models/{model}"


def _keep(store: Store, trained: "Trained", ref: TrainingSetRef) -> ModelRef:
    from freshet.model import checkpoint

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        checkpoint.save(trained.model, folder)
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())]
        name = hashlib.sha256("".join(digests).encode()).hexdigest()
        store.put_folder(folder, model_path(name), checkpoint.CONFIG)
    best = {"epoch": trained.best.epoch, "loss": trained.best.loss, "validation_ndcg@10": trained.best.ndcg_at_10}
    how = {**trained.params.model_dump(), "item_inputs": told(trained.config.inputs)}
    return ModelRef(id=name, training_set=ref, parameters=how, metrics=best)


def _profile(trained: "Trained") -> Mapping[str, object]:
    weights = trained.model.state_dict().values()
    loss = trained.curve[-1].loss
    chance = math.log(trained.config.items)  # what guessing among V items costs
    return {
        "not_finite": sum(int((~w.isfinite()).sum()) for w in weights if w.is_floating_point()),
        "loss": loss,
        "chance": chance,
        "below_chance": chance - loss if math.isfinite(loss) else -math.inf,
    }
