"""The release journal: numbered entries, each written once. The last release or rollback names the released bundle.

Entry N is a release of a new bundle, a rollback to an earlier one, a hold, or its end (resume). Holds do not change the
released bundle and repeat its id, so that every entry names the bundle that is released after it.

Compare-and-set: an entry names the entry that it was decided on and is written as exactly the next number. If another
process was faster, the entry is refused and must be decided again, so that a late release never overrides a rollback.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, NoReturn, Self

from pydantic import ConfigDict, Field, JsonValue, ValidationError, model_validator

from freshet.artifacts import StoredModel
from freshet.commands import RANGE_PLACEHOLDER, materialize_command
from freshet.errors import JournalError
from freshet.inference.manifest import MANIFEST
from freshet.releases.journal_files import entry_path, list_journal
from freshet.store import Store

BUNDLES_FOLDER: Final = "bundles"

EntryKind = Literal["release", "rollback", "hold", "resume"]


class JournalEntry(StoredModel):
    """One decision about releases."""

    model_config = ConfigDict(extra="forbid")

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
        """`release 4`, `release 4 (rollback)` or `entry 4 (hold)`, in all messages."""
        if not self.is_release:
            return f"entry {self.number} ({self.kind})"
        return f"release {self.number}{' (rollback)' if self.kind == 'rollback' else ''}"

    @property
    def is_release(self) -> bool:
        """Whether the entry sets the released bundle: holds and resumes do not."""
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
    """Return the number of entries, which is the last one's number. Raises JournalError on a gap."""
    paths = list_journal(store).entries
    for number, path in enumerate(paths, start=1):
        if path != entry_path(number):
            _raise_broken(store, number, f"is missing, {path} comes next", "restore it from a backup of the lake")
    return len(paths)


def read_entries(store: Store) -> tuple[JournalEntry, ...]:
    """Return all entries, oldest first. Raises JournalError on a gap or an entry that cannot be read."""
    return tuple(read_entry(store, number) for number in range(1, entry_count(store) + 1))


def readable_entries(store: Store, last_number: int | None = None) -> tuple[JournalEntry, ...]:
    """Return the entries up to `last_number`, oldest first, without those that cannot be read."""
    entries = (
        _parse_entry(store, number)
        for number in range(1, (entry_count(store) if last_number is None else last_number) + 1)
    )
    return tuple(entry for entry in entries if not isinstance(entry, str))


def champion_entry(store: Store) -> JournalEntry | None:
    """Return the last release or rollback; None before the first release.

    Raises JournalError if the entry cannot be read or its bundle is gone.
    """
    entry = last_release_entry(store)
    if entry is not None and not bundle_exists(store, entry):
        number = entry.number
        _raise_broken(
            store, number, f"names the bundle {entry.bundle[:12]}, which is gone", rollback_advice(store, number)
        )
    return entry


def last_release_entry(store: Store) -> JournalEntry | None:
    """Return the last release or rollback, also if its bundle is gone; None before the first release."""
    for number in range(entry_count(store), 0, -1):
        entry = read_entry(store, number)
        if entry.is_release:
            return entry
    return None


def append_entry(store: Store, entry: JournalEntry) -> None:
    """Write the entry under its number. Raises JournalError if another process has written that number."""
    if entry.decided_on and not store.exists(entry_path(entry.decided_on)):
        what = f"was decided on release {entry.decided_on}, which does not exist"
        raise JournalError(store.full_path(entry_path(entry.number)), what, "decide again on the journal as it is now")
    content = json.dumps(entry.model_dump(mode="json"), indent=2).encode()
    if not store.put_if_absent(entry_path(entry.number), content):
        if entry_path(entry.number) not in list_journal(store).entries:
            what, fix = "its path is taken by something that is no file", "remove that, then try again"
            raise JournalError(store.full_path(entry_path(entry.number)), what, fix)
        raise conflict_error(store, entry.number)


def conflict_error(store: Store, number: int) -> JournalError:
    """Return the error for an entry whose number another process has written first."""
    what = f"another process wrote release {number} first"
    return JournalError(store.full_path(entry_path(number)), what, "decide again on the journal as it is now")


def read_entry(store: Store, number: int) -> JournalEntry:
    """Return one entry. Raises JournalError with a fix if it cannot be read."""
    entry = _parse_entry(store, number)
    if isinstance(entry, str):
        _raise_broken(store, number, f"is no journal entry ({entry})", rollback_advice(store, number))
    return entry


def previous_release(store: Store, number: int) -> JournalEntry | None:
    """Return the newest release before `number` with another bundle that exists and was not rolled back.

    Entries that cannot be read are skipped. None if there is no such release.
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
    """Bundle → the rollback that replaced it, for bundles that were not released again since.

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
    """Whether the entry's bundle is in the lake."""
    return store.exists(f"{bundle_path(entry.bundle)}/{MANIFEST}")


def rollback_advice(store: Store, number: int) -> str:
    """Return the fix for an entry whose bundle cannot be served."""
    entry = previous_release(store, number)
    if entry is None:
        return f"restore it from a backup of the lake, or release again: {materialize_command('*', RANGE_PLACEHOLDER)}"
    return f'run `freshet rollback --to {entry.number} --why "…"`, or restore it from a backup of the lake'


def _parse_entry(store: Store, number: int) -> JournalEntry | str:
    """Return the entry, or the reason why it cannot be read."""
    try:
        entry = JournalEntry.model_validate_json(store.get(entry_path(number)))
    except ValidationError as error:
        return "; ".join(f"{'.'.join(str(part) for part in e['loc'])} {e['msg']}".strip() for e in error.errors())
    return entry if entry.number == number else f"its field `number` is {entry.number}"


def _raise_broken(store: Store, number: int, what: str, fix: str) -> NoReturn:
    raise JournalError(store.full_path(entry_path(number)), what, fix)
