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

from freshet.commands import release_by_name
from freshet.judge.verdict import Verdict
from freshet.live.journal import Entry
from freshet.store import Store

FOLDER: Final = "evaluations"
NAME: Final = re.compile(rf"{FOLDER}/[0-9a-f]{{64}}\.json")
SKEW: Final = timedelta(days=1)  # clocks of lake and journal may differ by less; older files are not opened


@dataclass(frozen=True)
class Waiting:
    """One of them. judged: when its last evaluation was written, UTC."""

    bundle: str
    judged: datetime
    why: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """`bundle 7c491366e4d4, judged on 2026-11-28 02:20 UTC, waits for a person: …; `freshet release …` …`."""
        why, command = "; ".join(self.why), release_by_name(self.bundle)
        said = f"bundle {self.bundle[:12]}, judged on {self.judged:%Y-%m-%d %H:%M} UTC, waits for a person: {why}"
        return said if command in said else f"{said}; {command} releases it"


class _Kept(BaseModel):
    """What matters here of an evaluation."""

    model_config = ConfigDict(frozen=True)

    bundle: str
    decided_on: int
    verdict: Verdict


def waiting_bundles(store: Store, entries: Sequence[Entry]) -> tuple[Waiting, ...]:
    """Those whose last evaluation, made since the last release, passed and is held; the one judged last comes last.

    entries: the journal's, oldest first. An evaluation that is not what was written is passed over: what it judged
    cannot be released either, and `freshet release` says why. Raises LakeError where the lake cannot be read.
    """
    last = next((entry for entry in reversed(entries) if entry.is_release), None)
    judged: dict[str, tuple[int, datetime, _Kept]] = {}
    for stamp in store.stamps(FOLDER):
        if not NAME.fullmatch(stamp.path) or (last is not None and stamp.modified < last.at - SKEW):
            continue
        kept = _kept(store, stamp.path)
        if kept is None or (last is not None and (kept.decided_on < last.number or kept.bundle == last.bundle)):
            continue
        one = (kept.decided_on, stamp.modified, kept)
        judged[kept.bundle] = max(judged.get(kept.bundle, one), one, key=lambda row: row[:2])
    rows = sorted(judged.values(), key=lambda row: row[:2])
    return tuple(Waiting(kept.bundle, when, kept.verdict.held) for _, when, kept in rows if kept.verdict.waits)


def _kept(store: Store, path: str) -> _Kept | None:
    content = store.get(path)
    if hashlib.sha256(content).hexdigest() != PurePosixPath(path).stem:
        return None
    try:
        return _Kept.model_validate_json(content)
    except ValidationError:
        return None  # of a version that this one does not read
