"""Evaluations as the lake keeps them: read back by the hash that is their name, found by their bundle."""

import hashlib
from pathlib import PurePosixPath

from pydantic import ValidationError

from freshet.commands import materialize_command
from freshet.errors import LakeError
from freshet.steps.evaluation.evaluate import EvaluationRecord, evaluation_path
from freshet.steps.release.pending import EVALUATION_PATTERN, EVALUATIONS_FOLDER
from freshet.store import Store


def read_evaluation(store: Store, evaluation_id: str) -> EvaluationRecord:
    """The evaluation of that name. Raises LakeError where it is gone, or is not what was written under it."""
    path = evaluation_path(evaluation_id)
    content = store.get(path)
    fix = f"judge the bundle again: run {materialize_command('evaluation')}"
    if hashlib.sha256(content).hexdigest() != evaluation_id:
        raise LakeError(store.full_path(path), "has changed since it was written: its hash is not its name", fix)
    try:
        return EvaluationRecord.model_validate_json(content)
    except ValidationError as error:
        what = f"is not an evaluation that this version reads ({error.error_count()} fields do not fit)"
        raise LakeError(store.full_path(path), what, fix) from None


def last_evaluation(store: Store, bundle_id: str) -> EvaluationRecord | None:
    """The bundle's last evaluation; None where it has none.

    The last is the one decided on the latest state of the journal; of several, the one written last. Raises LakeError
    where one of the evaluations has changed since it was written.
    """
    files = [stamp for stamp in store.list_info(EVALUATIONS_FOLDER) if EVALUATION_PATTERN.fullmatch(stamp.path)]
    candidates = []
    for stamp in files:
        if f'"{bundle_id}"'.encode() in store.get(
            stamp.path
        ):  # the others may be of versions that nobody reads any more
            record = read_evaluation(store, PurePosixPath(stamp.path).stem)
            if record.bundle == bundle_id:
                candidates.append((record.decided_on, stamp.modified, record))
    return max(candidates, key=lambda candidate: candidate[:2])[2] if candidates else None
