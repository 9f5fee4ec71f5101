"""The release journal: numbered entries, each written once. Its last release or rollback says what serves.

Entry N is release N: of a new bundle, or a rollback, which is a release of a bundle that served before. A hold and its
end (resume) are entries, too. They change nothing about what serves and name its bundle again, so that every entry
names the bundle that serves after it.

Compare-and-set: an entry names the entry it was decided on and is written as exactly the next number. If another
process was faster it is refused and must be decided again, so that a late promotion never overrides a rollback.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, NoReturn, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from freshet.commands import ANY_DAYS, materialize
from freshet.errors import JournalError
from freshet.live.journal_files import entry_path, listing
from freshet.live.manifest import MANIFEST
from freshet.store import Store

BUNDLES: Final = "bundles"

Kind = Literal["release", "rollback", "hold", "resume"]


class Entry(BaseModel):
    """One decision about what serves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(ge=1)
    decided_on: int = Field(ge=0, description="number of the entry it was decided on; 0 = the journal was empty")
    kind: Kind
    bundle: str = Field(pattern=r"^[0-9a-f]{64}$")
    verdict: str = Field(description="the verdict in one sentence")
    why: str
    metrics: dict[str, JsonValue] = Field(default_factory=dict)
    at: datetime = Field(description="UTC")
    by: str

    @property
    def title(self) -> str:
        """`release 4`, `release 4 (rollback)`, `entry 4 (hold)`: what people call it, everywhere."""
        if not self.is_release:
            return f"entry {self.number} ({self.kind})"
        return f"release {self.number}{' (rollback)' if self.kind == 'rollback' else ''}"

    @property
    def is_release(self) -> bool:
        """Whether it says what serves: a hold and its end do not."""
        return self.kind in ("release", "rollback")

    @model_validator(mode="after")
    def _next(self) -> Self:
        if self.number != self.decided_on + 1:
            raise ValueError(f"number {self.number} does not follow decided_on {self.decided_on}")
        return self


def bundle_path(bundle: str) -> str:
    """`bundles/<sha256>`."""
    return f"{BUNDLES}/{bundle}"


def length(store: Store) -> int:
    """How many entries there are, which is also the last one's number. Raises JournalError on a gap."""
    paths = listing(store).entries
    for number, path in enumerate(paths, start=1):
        if path != entry_path(number):
            _broken(store, number, f"is missing, {path} comes next", "restore it from a backup of the lake")
    return len(paths)


def read(store: Store) -> tuple[Entry, ...]:
    """All entries, oldest first. Raises JournalError on a gap or an entry that cannot be read."""
    return tuple(read_entry(store, number) for number in range(1, length(store) + 1))


def readable(store: Store, last: int | None = None) -> tuple[Entry, ...]:
    """As `read`, up to entry `last`, without the entries that cannot be read: what was written after them counts."""
    entries = (_parsed(store, number) for number in range(1, (length(store) if last is None else last) + 1))
    return tuple(entry for entry in entries if not isinstance(entry, str))


def current(store: Store) -> Entry | None:
    """The last release or rollback, which says what serves; None before the first release.

    Raises JournalError when the entry cannot be read, or names a bundle that is gone.
    """
    last = serving(store)
    if last is not None and not has_bundle(store, last):
        number = last.number
        _broken(store, number, f"names the bundle {last.bundle[:12]}, which is gone", rollback_advice(store, number))
    return last


def serving(store: Store) -> Entry | None:
    """As `current`, whether its bundle is there or not."""
    for number in range(length(store), 0, -1):
        entry = read_entry(store, number)
        if entry.is_release:
            return entry
    return None


def append(store: Store, entry: Entry) -> None:
    """Write the entry as exactly its number. Raises JournalError when that number has been taken meanwhile."""
    if entry.decided_on and not store.exists(entry_path(entry.decided_on)):
        what = f"was decided on release {entry.decided_on}, which does not exist"
        raise JournalError(store.where(entry_path(entry.number)), what, "decide again on the journal as it is now")
    content = json.dumps(entry.model_dump(mode="json"), indent=2).encode()
    if not store.put_if_absent(entry_path(entry.number), content):
        if entry_path(entry.number) not in listing(store).entries:
            what, fix = "its place is taken by something that is no file", "remove that, then do it again"
            raise JournalError(store.where(entry_path(entry.number)), what, fix)
        raise moved_on(store, entry.number)


def moved_on(store: Store, number: int) -> JournalError:
    """What to say where entry `number` was to be written and another has been."""
    what = f"another process wrote release {number} first"
    return JournalError(store.where(entry_path(number)), what, "decide again on the journal as it is now")


def read_entry(store: Store, number: int) -> Entry:
    """One entry. Raises JournalError when it cannot be read, with the way around it."""
    entry = _parsed(store, number)
    if isinstance(entry, str):
        _broken(store, number, f"is no journal entry ({entry})", rollback_advice(store, number))
    return entry


def earlier(store: Store, number: int) -> Entry | None:
    """The newest release before `number` with another bundle, which is there and was not taken back.

    Entries that cannot be read are passed over. None where nothing is left.
    """
    last, avoided = _parsed(store, number), taken_back(readable(store, number))
    for candidate in range(number - 1, 0, -1):
        entry = _parsed(store, candidate)
        if isinstance(entry, str) or not entry.is_release or entry.bundle in avoided or not has_bundle(store, entry):
            continue
        if isinstance(last, str) or entry.bundle != last.bundle:
            return entry
    return None


def taken_back(entries: Sequence[Entry]) -> Mapping[str, Entry]:
    """Bundle → the rollback that took it back: it served then, and was not released or gone back to since.

    entries: the journal's, oldest first.
    """
    rollbacks: dict[str, Entry] = {}
    serves = ""
    for entry in (entry for entry in entries if entry.is_release):
        if entry.kind == "rollback" and serves not in ("", entry.bundle):
            rollbacks[serves] = entry
        rollbacks.pop(entry.bundle, None)
        serves = entry.bundle
    return rollbacks


def has_bundle(store: Store, entry: Entry) -> bool:
    """Whether the bundle that the entry names is in the lake."""
    return store.exists(f"{bundle_path(entry.bundle)}/{MANIFEST}")


def rollback_advice(store: Store, number: int) -> str:
    """What to type when entry `number` cannot serve."""
    entry = earlier(store, number)
    if entry is None:
        return f"restore it from a backup of the lake, or release anew: {materialize('*', ANY_DAYS)}"
    return f'run `freshet rollback --to {entry.number} --why "…"`, or restore it from a backup of the lake'


def _parsed(store: Store, number: int) -> Entry | str:
    """The entry, or what is wrong with it."""
    try:
        entry = Entry.model_validate_json(store.get(entry_path(number)))
    except ValidationError as error:
        return "; ".join(f"{'.'.join(str(part) for part in e['loc'])} {e['msg']}".strip() for e in error.errors())
    return entry if entry.number == number else f"it says that it is number {entry.number}"


def _broken(store: Store, number: int, what: str, fix: str) -> NoReturn:
    raise JournalError(store.where(entry_path(number)), what, fix)
