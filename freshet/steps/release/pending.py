"""Bundles that wait for a person: judged good since the last release, and held. `freshet release` says yes to one.

It works where a gateway runs alone, without the packages that tables and training need.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from freshet.commands import release_command
from freshet.evaluation.verdict import Verdict
from freshet.releases.journal import JournalEntry
from freshet.store import Store

EVALUATIONS_FOLDER: Final = "evaluations"
EVALUATION_PATTERN: Final = re.compile(rf"{EVALUATIONS_FOLDER}/[0-9a-f]{{64}}\.json")
MAX_CLOCK_SKEW: Final = timedelta(days=1)  # clocks of lake and journal may differ by less; older files are not opened


@dataclass(frozen=True)
class WaitingBundle:
    """One of them. judged: when its last evaluation was written, UTC."""

    bundle_id: str
    evaluated_at: datetime
    reasons: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """`bundle 7c491366e4d4, judged on 2026-11-28 02:20 UTC, waits for a person: …; `freshet release …` …`."""
        reasons, command = "; ".join(self.reasons), release_command(self.bundle_id)
        text = f"bundle {self.bundle_id[:12]}, judged on {self.evaluated_at:%Y-%m-%d %H:%M} UTC, waits for a person: {reasons}"
        return text if command in text else f"{text}; {command} releases it"


class _EvaluationSummary(BaseModel):
    """What matters here of an evaluation."""

    model_config = ConfigDict(frozen=True)

    bundle: str
    decided_on: int
    verdict: Verdict


def waiting_bundles(store: Store, entries: Sequence[JournalEntry]) -> tuple[WaitingBundle, ...]:
    """Those whose last evaluation, made since the last release, passed and is held; the one judged last comes last.

    entries: the journal's, oldest first. An evaluation that is not what was written is passed over: what it judged
    cannot be released either, and `freshet release` says why. Raises LakeError where the lake cannot be read.
    """
    last_release = next((entry for entry in reversed(entries) if entry.is_release), None)
    latest: dict[str, tuple[int, datetime, _EvaluationSummary]] = {}
    for stamp in store.list_info(EVALUATIONS_FOLDER):
        if not EVALUATION_PATTERN.fullmatch(stamp.path) or (
            last_release is not None and stamp.modified < last_release.at - MAX_CLOCK_SKEW
        ):
            continue
        record = _read_summary(store, stamp.path)
        if record is None or (
            last_release is not None
            and (record.decided_on < last_release.number or record.bundle == last_release.bundle)
        ):
            continue
        candidate = (record.decided_on, stamp.modified, record)
        latest[record.bundle] = max(latest.get(record.bundle, candidate), candidate, key=lambda row: row[:2])
    rows = sorted(latest.values(), key=lambda row: row[:2])
    return tuple(
        WaitingBundle(kept.bundle, evaluated_at, kept.verdict.holds)
        for _, evaluated_at, kept in rows
        if kept.verdict.is_held
    )


def _read_summary(store: Store, path: str) -> _EvaluationSummary | None:
    content = store.get(path)
    if hashlib.sha256(content).hexdigest() != PurePosixPath(path).stem:
        return None
    try:
        return _EvaluationSummary.model_validate_json(content)
    except ValidationError:
        return None  # of a version that this one does not read
