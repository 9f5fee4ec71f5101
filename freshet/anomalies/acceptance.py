"""What a person said of a day: it is right, unusual as it is. Written once, never changed.

`acceptances/<day>_<time>.json` holds one.
"""

import getpass
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Final

from pydantic import BaseModel, ConfigDict

from freshet.store import FileInfo, Store

ACCEPTANCES_FOLDER: Final = "acceptances"


class Acceptance(BaseModel):
    """A landing day (or, with `onwards`, this day and a new level from then on), who accepted it, when and why."""

    model_config = ConfigDict(frozen=True)

    day: date
    onwards: bool = False  # the days before it are no past of the days after it
    why: str
    who: str
    at: datetime


def accept(store: Store, day: date, why: str, now: datetime, onwards: bool = False) -> Acceptance:
    """Write down that the day is right. Raises LakeError when the disk is full."""
    acceptance = Acceptance(day=day, onwards=onwards, why=why, who=getpass.getuser(), at=now)
    store.put_if_absent(f"{ACCEPTANCES_FOLDER}/{day}_{now:%Y%m%dT%H%M%S%f}.json", acceptance.model_dump_json().encode())
    return acceptance


def load_acceptances(store: Store) -> Sequence[Acceptance]:
    """All of them, in the order of days."""
    paths = [path for path in store.list(ACCEPTANCES_FOLDER) if path.endswith(".json")]
    return [Acceptance.model_validate_json(store.get(path)) for path in paths]


def acceptance_stamps(store: Store) -> Mapping[date, Sequence[FileInfo]]:
    """Landing day → when something was said of it: a listing, nothing is opened."""
    stamps: dict[date, list[FileInfo]] = defaultdict(list)
    for stamp in store.list_info(ACCEPTANCES_FOLDER):
        if stamp.path.endswith(".json"):
            stamps[date.fromisoformat(stamp.path.removeprefix(f"{ACCEPTANCES_FOLDER}/").partition("_")[0])].append(
                stamp
            )
    return stamps


def is_accepted(day: date, acceptances: Collection[Acceptance]) -> bool:
    """Whether a person said that the day is right."""
    return any(acceptance.day == day for acceptance in acceptances)


def level_shift_days(day: date, acceptances: Collection[Acceptance]) -> list[date]:
    """The days up to `day` from which on the shop has a new level."""
    return [acceptance.day for acceptance in acceptances if acceptance.onwards and acceptance.day <= day]
