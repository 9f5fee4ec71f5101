"""Which releases of the journal the gateway tries to serve, and in which order."""

from collections.abc import Container, Iterator, Sequence

from freshet.commands import materialize_hint
from freshet.errors import FreshetError
from freshet.releases import journal
from freshet.releases.journal import JournalEntry
from freshet.releases.journal_files import JOURNAL_FOLDER, entry_path
from freshet.serving.errors import Problem
from freshet.serving.recommend.active_state import NO_RELEASE_YET
from freshet.store import Store


def last_contiguous_entry(files: Sequence[str]) -> int:
    """Return the number of the last entry before the first gap in the journal."""
    numbered = enumerate(files, start=1)
    return next((number - 1 for number, path in numbered if path != entry_path(number)), len(files))


def activation_order(store: Store, last_number: int) -> Iterator[int]:
    """Yield the numbers of the entries up to `last_number` in the order in which the gateway tries them: newest first.

    After the last entry, bundles that were rolled back come last: they are better than no recommendations.
    """
    if last_number:
        yield last_number
    try:
        entries = journal.readable_entries(store, last_number)
    except FreshetError:
        entries = ()  # reading the entry itself reports the reason
    rolled_back_bundles = journal.rolled_back_bundles(entries)
    rolled_back_entries = {entry.number for entry in entries if entry.bundle in rolled_back_bundles}
    yield from (number for number in range(last_number - 1, 0, -1) if number not in rolled_back_entries)
    yield from (number for number in range(last_number - 1, 0, -1) if number in rolled_back_entries)


def checked_releases_before(store: Store, number: int, checked_bundles: Container[str]) -> Iterator[JournalEntry]:
    """Yield the releases before entry `number`, newest first, whose bundle is checked and not rolled back.

    Yields none if the journal cannot be read, because rollbacks are unknown then.
    """
    try:
        entries = journal.readable_entries(store, number)
    except FreshetError:
        return
    rolled_back_bundles = journal.rolled_back_bundles(entries)
    for entry in reversed(entries):
        is_candidate = entry.is_release and entry.number < number
        if is_candidate and entry.bundle in checked_bundles and entry.bundle not in rolled_back_bundles:
            yield entry


def journal_problems(store: Store, files: Sequence[str]) -> list[Problem]:
    """Return why the journal names no release: it is empty, or has a gap."""
    if not files:
        fix = (
            f"{materialize_hint(store)}, or wait until `make dev` trains the first model; events are accepted meanwhile"
        )
        return [Problem(store.full_path(JOURNAL_FOLDER), NO_RELEASE_YET, fix)]
    try:
        journal.entry_count(store)
    except FreshetError as error:
        return [Problem.from_error(error)]
    return []
