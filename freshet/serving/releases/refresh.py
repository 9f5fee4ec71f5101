"""What a look at the lake shows: its latest histories, lists made ahead, and how far its journal can be read."""

import logging
from collections.abc import Container, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from freshet.artifacts import LatestHistoriesRef, NewItemsRef, RecommendationsRef, published
from freshet.commands import materialize_hint
from freshet.errors import BundleError, FreshetError
from freshet.inference.latest_histories import HISTORIES_FOLDER, load_latest_histories
from freshet.inference.new_items import NEW_ITEMS_FOLDER, load_new_items
from freshet.inference.precomputed_lists import LISTS_FOLDER, load_precomputed_lists
from freshet.releases import journal
from freshet.releases.journal import JournalEntry
from freshet.releases.journal_files import JOURNAL_FOLDER as JOURNAL
from freshet.releases.journal_files import entry_path
from freshet.serving.http.errors import Problem, to_client_error
from freshet.serving.recommend.active_release import release_with_new_items
from freshet.serving.recommend.active_state import ActiveState
from freshet.store import Store

NO_RELEASE_YET: Final = "nothing has been released yet"  # a new shop: no error
LOG = logging.getLogger("freshet")


def refresh_histories(store: Store, cache: Path, active_state: ActiveState) -> None:
    """Bring in what the lake knows of all shoppers; what was known before stays where the new cannot be read."""
    try:
        ref = published(store, HISTORIES_FOLDER, LatestHistoriesRef)
        loaded_histories = active_state.snapshots.histories
        if ref is not None and (loaded_histories is None or loaded_histories.id != ref.id):
            files = store.list_info(f"{HISTORIES_FOLDER}/{ref.id}")
            if files and files == active_state.damaged_history_files:
                return  # nobody has mended them: no need to read them all again
            active_state.damaged_history_files = files
            active_state.snapshots = replace(active_state.snapshots, histories=load_latest_histories(store, cache))
        active_state.histories_problem, active_state.damaged_history_files = None, ()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with them, the release goes on answering
        if not isinstance(error, BundleError):
            active_state.damaged_history_files = ()  # they may be whole: look again
        problem = Problem.from_error(to_client_error(error))
        if problem != active_state.histories_problem:
            LOG.warning("%s", problem.message())
        active_state.histories_problem = problem


def refresh_lists(store: Store, cache: Path, active_state: ActiveState) -> None:
    """Bring in the lists made ahead; those known before stay where the new cannot be read."""
    try:
        ref = published(store, LISTS_FOLDER, RecommendationsRef)
        loaded_lists = active_state.snapshots.lists
        if ref is not None and ref.id not in (loaded_lists and loaded_lists.id, active_state.damaged_lists_id):
            active_state.damaged_lists_id = ref.id  # until it proves to be whole: read once, not every second
            active_state.snapshots = replace(active_state.snapshots, lists=load_precomputed_lists(store, cache))
            active_state.lists_problem, active_state.damaged_lists_id = None, ""
    except Exception as error:  # noqa: BLE001 - whatever is wrong with them, the release goes on answering
        if not isinstance(error, BundleError):
            active_state.damaged_lists_id = ""  # they may be whole: look again
        problem = Problem.from_error(to_client_error(error))
        if problem != active_state.lists_problem:
            LOG.warning("%s", problem.message())
        active_state.lists_problem = problem


def refresh_new_items(store: Store, cache: Path, active_state: ActiveState) -> None:
    """Let the lake's newest items stand in what serves; those known before stay where the new cannot be read."""
    try:
        ref = published(store, NEW_ITEMS_FOLDER, NewItemsRef)
        loaded_items = active_state.new_items
        if ref is not None and ref.id not in (loaded_items and loaded_items.id, active_state.damaged_new_items_id):
            active_state.damaged_new_items_id = ref.id  # until they prove to be whole: read once, not every second
            active_state.new_items = load_new_items(store, cache)
            active_state.new_items_problem, active_state.damaged_new_items_id = None, ""
        if active_state.release is not None:
            active_state.release = release_with_new_items(active_state.release, active_state.new_items)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with them, the release goes on answering
        problem = Problem.from_error(to_client_error(error))
        if problem != active_state.new_items_problem:
            LOG.warning("%s", problem.message())
        active_state.new_items_problem = problem


def last_contiguous_entry(files: Sequence[str]) -> int:
    """The number of the journal's last entry before the first gap."""
    numbered = enumerate(files, start=1)
    return next((number - 1 for number, path in numbered if path != entry_path(number)), len(files))


def activation_order(store: Store, last_number: int) -> Iterator[int]:
    """Numbers of the entries up to `last` in the order in which a gateway tries them: newest first.

    Behind the last one, bundles that were taken back come after all others: bad answers are better than none.
    """
    if last_number:
        yield last_number
    try:
        entries = journal.readable_entries(store, last_number)
    except FreshetError:
        entries = ()  # the reason is told where the entry itself is read
    rolled_back_bundles = journal.rolled_back_bundles(entries)
    rolled_back_entries = {entry.number for entry in entries if entry.bundle in rolled_back_bundles}
    yield from (number for number in range(last_number - 1, 0, -1) if number not in rolled_back_entries)
    yield from (number for number in range(last_number - 1, 0, -1) if number in rolled_back_entries)


def checked_releases_before(store: Store, number: int, checked_bundles: Container[str]) -> Iterator[JournalEntry]:
    """Releases before entry `number`, newest first, that were proved and not taken back.

    None where the journal cannot be read: what was taken back is not known then.
    """
    try:
        entries = journal.readable_entries(store, number)
    except FreshetError:
        return
    rolled_back_bundles = journal.rolled_back_bundles(entries)
    earlier_releases = (entry for entry in reversed(entries) if entry.is_release and entry.number < number)
    yield from (
        entry
        for entry in earlier_releases
        if entry.bundle in checked_bundles and entry.bundle not in rolled_back_bundles
    )


def journal_problems(store: Store, files: Sequence[str]) -> list[Problem]:
    """Why the journal as a whole says nothing."""
    if not files:
        fix = (
            f"{materialize_hint(store)}, or wait for `make dev` to make the first model; events are accepted meanwhile"
        )
        return [Problem(store.full_path(JOURNAL), NO_RELEASE_YET, fix)]
    try:
        journal.entry_count(store)
    except FreshetError as error:
        return [Problem.from_error(error)]
    return []
