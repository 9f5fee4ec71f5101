"""The checkpoints of unfinished trainings in the lake: one folder per training, named by a hash of its inputs."""

import hashlib
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from freshet.artifacts import TrainingSetRef
from freshet.runtime import code_version
from freshet.store import Store

if TYPE_CHECKING:
    from freshet.model.params import TrainParams
    from freshet.training.resume import TrainingCheckpoint
    from freshet.training.run_params import RunParams

TRAINING_STATE_FOLDER: Final = "unfinished"
ABANDONED_AFTER: Final = timedelta(days=7)  # without a new checkpoint


def training_checkpoint(
    store: Store,
    ref: TrainingSetRef,
    params: "TrainParams",
    run_params: "RunParams",
    item_schema: str,
    warm_model_id: str = "",
) -> "TrainingCheckpoint":
    """Return the checkpoint of a training, which is the same for the same inputs, parameters and code version.

    item_schema: the setting. warm_model_id: of the warm-start model, "" for a cold start.
    """
    from freshet.training.resume import TrainingCheckpoint

    key_parts = [
        ref.model_dump(mode="json"),
        params.model_dump(mode="json"),
        run_params.precision,
        code_version(),
        item_schema,
        warm_model_id,
    ]
    key = hashlib.sha256(json.dumps(key_parts, sort_keys=True).encode()).hexdigest()[:16]
    return TrainingCheckpoint(store, f"{TRAINING_STATE_FOLDER}/{key}", run_params.checkpoint_interval_s)


def remove_abandoned(store: Store, now: datetime) -> None:
    """Remove the checkpoints of trainings that were not resumed for ABANDONED_AFTER."""
    stamps = store.list_info(TRAINING_STATE_FOLDER)
    active_folders = {_state_folder(stamp.path) for stamp in stamps if stamp.modified > now - ABANDONED_AFTER}
    for stamp in stamps:
        if _state_folder(stamp.path) not in active_folders:
            store.remove(stamp.path)


def _state_folder(path: str) -> str:
    return path.rpartition("/")[0]
