"""Evaluation records in the lake: `evaluations/<sha256>.json`, written once and found again by bundle."""

import hashlib
import re
from pathlib import PurePosixPath
from typing import Final

from pydantic import ValidationError

from freshet.artifacts import StoredModel
from freshet.commands import materialize_command
from freshet.errors import LakeError
from freshet.evaluation.comparison import Evaluation
from freshet.evaluation.verdict import Verdict
from freshet.store import FileInfo, Store

EVALUATIONS_FOLDER: Final = "evaluations"
EVALUATION_PATTERN: Final = re.compile(rf"{EVALUATIONS_FOLDER}/[0-9a-f]{{64}}\.json")


class EvaluationRecord(StoredModel):
    """A stored evaluation: the metrics, the verdict, and the state of the journal that it was decided on."""

    bundle: str
    champion: str | None  # bundle id; None before the first release
    decided_on: int  # number of entries in the journal
    evaluation: Evaluation
    verdict: Verdict


def evaluation_path(evaluation_id: str) -> str:
    """Return the lake path of an evaluation record."""
    return f"{EVALUATIONS_FOLDER}/{evaluation_id}.json"


def card_path(evaluation_id: str) -> str:
    """Return the lake path of the model card that was rendered with an evaluation."""
    return f"{EVALUATIONS_FOLDER}/{evaluation_id}.md"


def write_evaluation(store: Store, record: EvaluationRecord, card: str) -> str:
    """Store the record and its model card; return the record's id, the hash of its content."""
    content = record.model_dump_json(indent=1).encode()
    evaluation_id = hashlib.sha256(content).hexdigest()
    store.put_if_absent(card_path(evaluation_id), card.encode())
    store.put_if_absent(evaluation_path(evaluation_id), content)
    return evaluation_id


def read_evaluation(store: Store, evaluation_id: str) -> EvaluationRecord:
    """Return the record with this id. Raises LakeError if it is gone, changed, or not readable by this version."""
    path = evaluation_path(evaluation_id)
    content = store.get(path)
    fix = f"evaluate the bundle again: run {materialize_command('evaluation')}"
    if hashlib.sha256(content).hexdigest() != evaluation_id:
        raise LakeError(store.full_path(path), "has changed since it was written: its hash is not its name", fix)
    try:
        return EvaluationRecord.model_validate_json(content)
    except ValidationError as error:
        what = f"is not an evaluation that this version reads ({error.error_count()} invalid fields)"
        raise LakeError(store.full_path(path), what, fix) from None


def evaluation_files(store: Store) -> list[FileInfo]:
    """Return the files of all evaluation records."""
    return [info for info in store.list_info(EVALUATIONS_FOLDER) if EVALUATION_PATTERN.fullmatch(info.path)]


def last_evaluation_id(store: Store, bundle_id: str) -> str | None:
    """Return the id of the bundle's last evaluation, None if it has none.

    The last is the one decided on the latest state of the journal; of several, the one written last. Raises LakeError
    if an evaluation of this bundle has changed since it was written.
    """
    candidates = []
    for info in evaluation_files(store):
        if f'"{bundle_id}"'.encode() in store.get(info.path):  # only these have to be readable by this version
            evaluation_id = PurePosixPath(info.path).stem
            record = read_evaluation(store, evaluation_id)
            if record.bundle == bundle_id:
                candidates.append((record.decided_on, info.modified, evaluation_id))
    return max(candidates)[2] if candidates else None


def last_evaluation(store: Store, bundle_id: str) -> EvaluationRecord | None:
    """Return the bundle's last evaluation, None if it has none; see `last_evaluation_id`."""
    evaluation_id = last_evaluation_id(store, bundle_id)
    return None if evaluation_id is None else read_evaluation(store, evaluation_id)
