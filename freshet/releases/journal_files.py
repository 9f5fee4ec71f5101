"""Files of the release journal: entries, and other files in their folder."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from freshet.errors import JournalError, first_few
from freshet.store import Store

JOURNAL_FOLDER: Final = "releases"
NUMBER_DIGITS: Final = 8
ENTRY_NAME_PATTERN: Final = re.compile(rf"\d{{{NUMBER_DIGITS}}}\.json", re.ASCII)
ZERO_ENTRY_NAME: Final = f"{0:0{NUMBER_DIGITS}d}.json"  # entries count from 1


def entry_path(number: int) -> str:
    """`releases/00000042.json`."""
    return f"{JOURNAL_FOLDER}/{number:0{NUMBER_DIGITS}d}.json"


class JournalListing(NamedTuple):
    """The content of the journal's folder."""

    entries: tuple[str, ...]  # paths, in the order of their numbers
    strays: tuple[str, ...]  # names of other files; folders end in `/`


def list_journal(store: Store) -> JournalListing:
    """Return the entries, and the names of all other files, such as `.DS_Store` or a backup."""
    names = store.list_names(JOURNAL_FOLDER)
    entries = [name for name in names if ENTRY_NAME_PATTERN.fullmatch(name) and name != ZERO_ENTRY_NAME]
    strays = (name.encode("utf-8", "backslashreplace").decode() for name in names if name not in set(entries))
    return JournalListing(tuple(f"{JOURNAL_FOLDER}/{name}" for name in entries), tuple(strays))


def stray_warning(store: Store, strays: Sequence[str]) -> JournalError:
    """Return the warning about files that are no entries; it is logged, not raised."""
    what = f"{first_few(strays, 3)} {'is no entry' if len(strays) == 1 else 'are no entries'} of the journal: ignored"
    return JournalError(store.full_path(JOURNAL_FOLDER), what, "move what is not needed there out of this folder")
