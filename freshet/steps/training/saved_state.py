"""Trainings under way in the lake: one folder each, named by all that decides what comes out."""

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
ABANDONED_AFTER: Final = timedelta(days=7)  # nobody has asked for it again


def training_checkpoint(
    store: Store,
    ref: TrainingSetRef,
    params: "TrainParams",
    run_params: "RunParams",
    item_inputs: str,
    warm_model_id: str = "",
) -> "TrainingCheckpoint":
    """Where the training of this set, with these parameters and by this code, saves its state and takes it up.

    read: what the model reads of an item, as the setting has it. basis: what it starts from besides, yesterday's model
    for one.
    """
    from freshet.training.resume import TrainingCheckpoint

    key_parts = [
        ref.model_dump(mode="json"),
        params.model_dump(mode="json"),
        run_params.precision,
        code_version(),
        item_inputs,
        warm_model_id,
    ]
    key = hashlib.sha256(json.dumps(key_parts, sort_keys=True).encode()).hexdigest()[:16]
    return TrainingCheckpoint(store, f"{TRAINING_STATE_FOLDER}/{key}", run_params.checkpoint_interval_s)


def remove_abandoned(store: Store, now: datetime) -> None:
    """Remove what no training has touched for so long that none will: its set or its parameters have changed since."""
    stamps = store.list_info(TRAINING_STATE_FOLDER)
    active_folders = {_state_folder(stamp.path) for stamp in stamps if stamp.modified > now - ABANDONED_AFTER}
    for stamp in stamps:
        if _state_folder(stamp.path) not in active_folders:
            store.remove(stamp.path)


def _state_folder(path: str) -> str:
    return path.rpartition("/")[0]
