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

from freshet.commands import RANGE_PLACEHOLDER, materialize_command
from freshet.errors import JournalError
from freshet.inference.manifest import MANIFEST
from freshet.releases.journal_files import entry_path, list_journal
from freshet.store import Store

BUNDLES_FOLDER: Final = "bundles"

EntryKind = Literal["release", "rollback", "hold", "resume"]


class JournalEntry(BaseModel):
    """One decision about what serves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(ge=1)
    decided_on: int = Field(ge=0, description="number of the entry it was decided on; 0 = the journal was empty")
    kind: EntryKind
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
    def _check_number(self) -> Self:
        if self.number != self.decided_on + 1:
            raise ValueError(f"number {self.number} does not follow decided_on {self.decided_on}")
        return self


def bundle_path(bundle_id: str) -> str:
    """`bundles/<sha256>`."""
    return f"{BUNDLES_FOLDER}/{bundle_id}"


def entry_count(store: Store) -> int:
    """How many entries there are, which is also the last one's number. Raises JournalError on a gap."""
    paths = list_journal(store).entries
    for number, path in enumerate(paths, start=1):
        if path != entry_path(number):
            _raise_broken(store, number, f"is missing, {path} comes next", "restore it from a backup of the lake")
    return len(paths)


def read_entries(store: Store) -> tuple[JournalEntry, ...]:
    """All entries, oldest first. Raises JournalError on a gap or an entry that cannot be read."""
    return tuple(read_entry(store, number) for number in range(1, entry_count(store) + 1))


def readable_entries(store: Store, last_number: int | None = None) -> tuple[JournalEntry, ...]:
    """As `read`, up to entry `last`, without the entries that cannot be read: what was written after them counts."""
    entries = (
        _parse_entry(store, number)
        for number in range(1, (entry_count(store) if last_number is None else last_number) + 1)
    )
    return tuple(entry for entry in entries if not isinstance(entry, str))


def champion_entry(store: Store) -> JournalEntry | None:
    """The last release or rollback, which says what serves; None before the first release.

    Raises JournalError when the entry cannot be read, or names a bundle that is gone.
    """
    entry = last_release_entry(store)
    if entry is not None and not bundle_exists(store, entry):
        number = entry.number
        _raise_broken(
            store, number, f"names the bundle {entry.bundle[:12]}, which is gone", rollback_advice(store, number)
        )
    return entry


def last_release_entry(store: Store) -> JournalEntry | None:
    """As `current`, whether its bundle is there or not."""
    for number in range(entry_count(store), 0, -1):
        entry = read_entry(store, number)
        if entry.is_release:
            return entry
    return None


def append_entry(store: Store, entry: JournalEntry) -> None:
    """Write the entry as exactly its number. Raises JournalError when that number has been taken meanwhile."""
    if entry.decided_on and not store.exists(entry_path(entry.decided_on)):
        what = f"was decided on release {entry.decided_on}, which does not exist"
        raise JournalError(store.full_path(entry_path(entry.number)), what, "decide again on the journal as it is now")
    content = json.dumps(entry.model_dump(mode="json"), indent=2).encode()
    if not store.put_if_absent(entry_path(entry.number), content):
        if entry_path(entry.number) not in list_journal(store).entries:
            what, fix = "its place is taken by something that is no file", "remove that, then do it again"
            raise JournalError(store.full_path(entry_path(entry.number)), what, fix)
        raise conflict_error(store, entry.number)


def conflict_error(store: Store, number: int) -> JournalError:
    """What to say where entry `number` was to be written and another has been."""
    what = f"another process wrote release {number} first"
    return JournalError(store.full_path(entry_path(number)), what, "decide again on the journal as it is now")


def read_entry(store: Store, number: int) -> JournalEntry:
    """One entry. Raises JournalError when it cannot be read, with the way around it."""
    entry = _parse_entry(store, number)
    if isinstance(entry, str):
        _raise_broken(store, number, f"is no journal entry ({entry})", rollback_advice(store, number))
    return entry


def previous_release(store: Store, number: int) -> JournalEntry | None:
    """The newest release before `number` with another bundle, which is there and was not taken back.

    Entries that cannot be read are passed over. None where nothing is left.
    """
    reference, rolled_back = _parse_entry(store, number), rolled_back_bundles(readable_entries(store, number))
    for candidate in range(number - 1, 0, -1):
        entry = _parse_entry(store, candidate)
        if (
            isinstance(entry, str)
            or not entry.is_release
            or entry.bundle in rolled_back
            or not bundle_exists(store, entry)
        ):
            continue
        if isinstance(reference, str) or entry.bundle != reference.bundle:
            return entry
    return None


def rolled_back_bundles(entries: Sequence[JournalEntry]) -> Mapping[str, JournalEntry]:
    """Bundle → the rollback that took it back: it served then, and was not released or gone back to since.

    entries: the journal's, oldest first.
    """
    rollbacks: dict[str, JournalEntry] = {}
    champion_id = ""
    for entry in (entry for entry in entries if entry.is_release):
        if entry.kind == "rollback" and champion_id not in ("", entry.bundle):
            rollbacks[champion_id] = entry
        rollbacks.pop(entry.bundle, None)
        champion_id = entry.bundle
    return rollbacks


def bundle_exists(store: Store, entry: JournalEntry) -> bool:
    """Whether the bundle that the entry names is in the lake."""
    return store.exists(f"{bundle_path(entry.bundle)}/{MANIFEST}")


def rollback_advice(store: Store, number: int) -> str:
    """What to type when entry `number` cannot serve."""
    entry = previous_release(store, number)
    if entry is None:
        return f"restore it from a backup of the lake, or release anew: {materialize_command('*', RANGE_PLACEHOLDER)}"
    return f'run `freshet rollback --to {entry.number} --why "…"`, or restore it from a backup of the lake'


def _parse_entry(store: Store, number: int) -> JournalEntry | str:
    """The entry, or what is wrong with it."""
    try:
        entry = JournalEntry.model_validate_json(store.get(entry_path(number)))
    except ValidationError as error:
        return "; ".join(f"{'.'.join(str(part) for part in e['loc'])} {e['msg']}".strip() for e in error.errors())
    return entry if entry.number == number else f"it says that it is number {entry.number}"


def _raise_broken(store: Store, number: int, what: str, fix: str) -> NoReturn:
    raise JournalError(store.full_path(entry_path(number)), what, fix)
