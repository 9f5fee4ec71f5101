"""Trainings under way in the lake: one folder each, named by all that decides what comes out."""

import hashlib
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from freshet.references import TrainingSetRef
from freshet.store import Store
from freshet.version import code_version

if TYPE_CHECKING:
    from freshet.model.params import TrainParams
    from freshet.model.resume import ResumePoint
    from freshet.model.run_params import RunParams

FOLDER: Final = "unfinished"
ABANDONED: Final = timedelta(days=7)  # nobody has asked for it again


def resume_point(
    store: Store, ref: TrainingSetRef, params: "TrainParams", run: "RunParams", read: str, basis: str = ""
) -> "ResumePoint":
    """Where the training of this set, with these parameters and by this code, saves its state and takes it up.

    read: what the model reads of an item, as the setting has it. basis: what it starts from besides, yesterday's model
    for one.
    """
    from freshet.model.resume import ResumePoint

    decides = [ref.model_dump(mode="json"), params.model_dump(mode="json"), run.precision, code_version(), read, basis]
    key = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]
    return ResumePoint(store, f"{FOLDER}/{key}", run.save_seconds)


def forget_abandoned(store: Store, now: datetime) -> None:
    """Remove what no training has touched for so long that none will: its set or its parameters have changed since."""
    stamps = store.stamps(FOLDER)
    alive = {_training(stamp.path) for stamp in stamps if stamp.modified > now - ABANDONED}
    for stamp in stamps:
        if _training(stamp.path) not in alive:
            store.remove(stamp.path)


def _training(path: str) -> str:
    return path.rpartition("/")[0]
