"""Acceptances: a person states that an unusual landing day is correct.

Each is a file `acceptances/<day>_<time>.json` that is never changed.
"""

import getpass
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import ClassVar, Final

from freshet.artifacts import StoredModel
from freshet.store import FileInfo, Store

ACCEPTANCES_FOLDER: Final = "acceptances"


class Acceptance(StoredModel):
    """An accepted landing day, by whom, when and why; with `onwards`, the shop has a new level from that day on."""

    former_names: ClassVar[Mapping[str, str]] = {"by": "who"}

    day: date
    onwards: bool = False  # later days are not compared with the days before it
    why: str
    by: str
    at: datetime


def accept(store: Store, day: date, why: str, now: datetime, onwards: bool = False) -> Acceptance:
    """Store an acceptance of the day. Raises LakeError if the disk is full."""
    acceptance = Acceptance(day=day, onwards=onwards, why=why, by=getpass.getuser(), at=now)
    store.put_if_absent(f"{ACCEPTANCES_FOLDER}/{day}_{now:%Y%m%dT%H%M%S%f}.json", acceptance.model_dump_json().encode())
    return acceptance


def load_acceptances(store: Store) -> Sequence[Acceptance]:
    """Return all acceptances, sorted by day."""
    paths = [path for path in store.list(ACCEPTANCES_FOLDER) if path.endswith(".json")]
    return [Acceptance.model_validate_json(store.get(path)) for path in paths]


def acceptance_stamps(store: Store) -> Mapping[date, Sequence[FileInfo]]:
    """Return landing day → the files of its acceptances. Lists the folder; opens no file."""
    stamps: dict[date, list[FileInfo]] = defaultdict(list)
    for stamp in store.list_info(ACCEPTANCES_FOLDER):
        if stamp.path.endswith(".json"):
            stamps[date.fromisoformat(stamp.path.removeprefix(f"{ACCEPTANCES_FOLDER}/").partition("_")[0])].append(
                stamp
            )
    return stamps


def is_accepted(day: date, acceptances: Collection[Acceptance]) -> bool:
    """Return whether a person accepted the day."""
    return any(acceptance.day == day for acceptance in acceptances)


def level_shift_days(day: date, acceptances: Collection[Acceptance]) -> list[date]:
    """Return the days up to `day` from which the shop has a new level."""
    return [acceptance.day for acceptance in acceptances if acceptance.onwards and acceptance.day <= day]
