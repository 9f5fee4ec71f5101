"""Bundles that wait for a person: their evaluation passed but holds the release. `freshet release` releases one.

Importable on a gateway machine, without the packages that tables and training need.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Final

from pydantic import ValidationError

from freshet.commands import release_command
from freshet.releases.journal import JournalEntry
from freshet.steps.evaluation.records import EvaluationRecord, evaluation_files
from freshet.store import Store

MAX_CLOCK_SKEW: Final = timedelta(days=1)  # between the clocks of lake and journal; older files are not opened


@dataclass(frozen=True)
class WaitingBundle:
    """A bundle whose release is held."""

    bundle_id: str
    evaluated_at: datetime  # when its last evaluation was written, UTC
    reasons: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """`bundle 7c491366e4d4, evaluated on 2026-11-28 02:20 UTC, waits for a person: …; `freshet release …` …`."""
        reasons, command = "; ".join(self.reasons), release_command(self.bundle_id)
        evaluated = f"evaluated on {self.evaluated_at:%Y-%m-%d %H:%M} UTC"
        text = f"bundle {self.bundle_id[:12]}, {evaluated}, waits for a person: {reasons}"
        return text if command in text else f"{text}; {command} releases it"


def waiting_bundles(store: Store, entries: Sequence[JournalEntry]) -> tuple[WaitingBundle, ...]:
    """Return the bundles whose last evaluation since the last release passed but is held, oldest evaluation first.

    entries: the journal's, oldest first. Evaluation files that were edited or that this version cannot read are
    skipped: their bundles cannot be released either. Raises LakeError if the lake cannot be read.
    """
    last_release = next((entry for entry in reversed(entries) if entry.is_release), None)
    latest: dict[str, tuple[int, datetime, EvaluationRecord]] = {}
    for info in evaluation_files(store):
        if last_release is not None and info.modified < last_release.at - MAX_CLOCK_SKEW:
            continue
        record = _read_record(store, info.path)
        if record is None or _is_outdated(record, last_release):
            continue
        candidate = (record.decided_on, info.modified, record)
        latest[record.bundle] = max(latest.get(record.bundle, candidate), candidate, key=lambda row: row[:2])
    rows = sorted(latest.values(), key=lambda row: row[:2])
    return tuple(
        WaitingBundle(record.bundle, evaluated_at, record.verdict.holds)
        for _, evaluated_at, record in rows
        if record.verdict.is_held
    )


def _is_outdated(record: EvaluationRecord, last_release: JournalEntry | None) -> bool:
    """Whether the record was decided before the last release, or is of the released bundle itself."""
    if last_release is None:
        return False
    return record.decided_on < last_release.number or record.bundle == last_release.bundle


def _read_record(store: Store, path: str) -> EvaluationRecord | None:
    content = store.get(path)
    if hashlib.sha256(content).hexdigest() != PurePosixPath(path).stem:
        return None
    try:
        return EvaluationRecord.model_validate_json(content)
    except ValidationError:
        return None  # of a version that this one cannot read
