"""Evaluations as the lake keeps them: read back by the hash that is their name, found by their bundle."""

import hashlib
from pathlib import PurePosixPath

from pydantic import ValidationError

from freshet.commands import materialize
from freshet.errors import LakeError
from freshet.stages.evaluation import Judged, evaluation_path
from freshet.stages.waiting import FOLDER, NAME
from freshet.store import Store


def read_evaluation(store: Store, name: str) -> Judged:
    """The evaluation of that name. Raises LakeError where it is gone, or is not what was written under it."""
    path = evaluation_path(name)
    content = store.get(path)
    fix = f"judge the bundle again: run {materialize('evaluation')}"
    if hashlib.sha256(content).hexdigest() != name:
        raise LakeError(store.where(path), "has changed since it was written: its hash is not its name", fix)
    try:
        return Judged.model_validate_json(content)
    except ValidationError as error:
        what = f"is not an evaluation that this version reads ({error.error_count()} fields do not fit)"
        raise LakeError(store.where(path), what, fix) from None


def last_evaluation(store: Store, bundle: str) -> Judged | None:
    """The bundle's last evaluation; None where it has none.

    The last is the one decided on the latest state of the journal; of several, the one written last. Raises LakeError
    where one of the evaluations has changed since it was written.
    """
    files = [stamp for stamp in store.stamps(FOLDER) if NAME.fullmatch(stamp.path)]
    candidates = []
    for stamp in files:
        if f'"{bundle}"'.encode() in store.get(stamp.path):  # the others may be of versions that nobody reads any more
            kept = read_evaluation(store, PurePosixPath(stamp.path).stem)
            if kept.bundle == bundle:
                candidates.append((kept.decided_on, stamp.modified, kept))
    return max(candidates, key=lambda one: one[:2])[2] if candidates else None
