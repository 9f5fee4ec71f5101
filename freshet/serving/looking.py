"""What a look at the lake shows: its latest histories, lists made ahead, and how far its journal can be read."""

import logging
from collections.abc import Container, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from freshet.commands import load_days
from freshet.errors import BundleError, FreshetError
from freshet.live import journal
from freshet.live.journal import Entry
from freshet.live.journal_files import FOLDER as JOURNAL
from freshet.live.journal_files import entry_path
from freshet.live.latest import FOLDER, latest_histories, published_latest
from freshet.live.new_items import latest_new_items, published_new_items
from freshet.live.precomputed import precomputed, published_lists
from freshet.serving.current import Current
from freshet.serving.problems import Problem, told
from freshet.serving.served import with_new_items
from freshet.store import Store

NOTHING_YET: Final = "nothing has been released yet"  # a new shop: no error
LOG = logging.getLogger("freshet")


def look_at_histories(store: Store, cache: Path, current: Current) -> None:
    """Bring in what the lake knows of all shoppers; what was known before stays where the new cannot be read."""
    try:
        ref, held = published_latest(store), current.known.histories
        if ref is not None and (held is None or held.id != ref.id):
            files = store.stamps(f"{FOLDER}/{ref.id}")
            if files and files == current.histories_damaged:
                return  # nobody has mended them: no need to read them all again
            current.histories_damaged = files
            current.known = replace(current.known, histories=latest_histories(store, cache))
        current.histories_problem, current.histories_damaged = None, ()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with them, the release goes on answering
        if not isinstance(error, BundleError):
            current.histories_damaged = ()  # they may be whole: look again
        problem = Problem.of(told(error))
        if problem != current.histories_problem:
            LOG.warning("%s", problem.sentence())
        current.histories_problem = problem


def look_at_lists(store: Store, cache: Path, current: Current) -> None:
    """Bring in the lists made ahead; those known before stay where the new cannot be read."""
    try:
        ref, held = published_lists(store), current.known.lists
        if ref is not None and ref.id not in (held and held.id, current.lists_damaged):
            current.lists_damaged = ref.id  # until it proves to be whole: read once, not every second
            current.known = replace(current.known, lists=precomputed(store, cache))
            current.lists_problem, current.lists_damaged = None, ""
    except Exception as error:  # noqa: BLE001 - whatever is wrong with them, the release goes on answering
        if not isinstance(error, BundleError):
            current.lists_damaged = ""  # they may be whole: look again
        problem = Problem.of(told(error))
        if problem != current.lists_problem:
            LOG.warning("%s", problem.sentence())
        current.lists_problem = problem


def look_at_new_items(store: Store, cache: Path, current: Current) -> None:
    """Let the lake's newest items stand in what serves; those known before stay where the new cannot be read."""
    try:
        ref, held = published_new_items(store), current.new_items
        if ref is not None and ref.id not in (held and held.id, current.new_items_damaged):
            current.new_items_damaged = ref.id  # until they prove to be whole: read once, not every second
            current.new_items = latest_new_items(store, cache)
            current.new_items_problem, current.new_items_damaged = None, ""
        if current.serving is not None:
            current.serving = with_new_items(current.serving, current.new_items)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with them, the release goes on answering
        problem = Problem.of(told(error))
        if problem != current.new_items_problem:
            LOG.warning("%s", problem.sentence())
        current.new_items_problem = problem


def whole(files: Sequence[str]) -> int:
    """The number of the journal's last entry before the first gap."""
    numbered = enumerate(files, start=1)
    return next((number - 1 for number, path in numbered if path != entry_path(number)), len(files))


def in_order(store: Store, last: int) -> Iterator[int]:
    """Numbers of the entries up to `last` in the order in which a gateway tries them: newest first.

    Behind the last one, bundles that were taken back come after all others: bad answers are better than none.
    """
    if last:
        yield last
    try:
        entries = journal.readable(store, last)
    except FreshetError:
        entries = ()  # the reason is told where the entry itself is read
    taken_back = journal.taken_back(entries)
    avoided = {entry.number for entry in entries if entry.bundle in taken_back}
    yield from (number for number in range(last - 1, 0, -1) if number not in avoided)
    yield from (number for number in range(last - 1, 0, -1) if number in avoided)


def proved_before(store: Store, number: int, proved: Container[str]) -> Iterator[Entry]:
    """Releases before entry `number`, newest first, that were proved and not taken back.

    None where the journal cannot be read: what was taken back is not known then.
    """
    try:
        entries = journal.readable(store, number)
    except FreshetError:
        return
    avoided = journal.taken_back(entries)
    before = (entry for entry in reversed(entries) if entry.is_release and entry.number < number)
    yield from (entry for entry in before if entry.bundle in proved and entry.bundle not in avoided)


def wrong_with(store: Store, files: Sequence[str]) -> list[Problem]:
    """Why the journal as a whole says nothing."""
    if not files:
        fix = f"{load_days(store)}, or wait for `make dev` to make the first model; events are accepted meanwhile"
        return [Problem(store.where(JOURNAL), NOTHING_YET, fix)]
    try:
        journal.length(store)
    except FreshetError as error:
        return [Problem.of(error)]
    return []
