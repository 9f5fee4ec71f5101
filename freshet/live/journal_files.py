"""Files of the release journal: which of them are entries, and what else lies in their folder."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from freshet.errors import JournalError
from freshet.store import Store

FOLDER: Final = "releases"
DIGITS: Final = 8
ENTRY_NAME: Final = re.compile(rf"\d{{{DIGITS}}}\.json", re.ASCII)
NO_NUMBER: Final = f"{0:0{DIGITS}d}.json"  # entries count from 1


def entry_path(number: int) -> str:
    """`releases/00000042.json`."""
    return f"{FOLDER}/{number:0{DIGITS}d}.json"


class Listing(NamedTuple):
    """What lies in the journal's folder. strays: names of what others put there, a folder's with `/` at its end."""

    entries: tuple[str, ...]  # paths, in the order of their numbers
    strays: tuple[str, ...]


def listing(store: Store) -> Listing:
    """The entries, and everything else: `.DS_Store`, a backup, a folder. It is no part of the journal."""
    names = store.names(FOLDER)
    entries = [name for name in names if ENTRY_NAME.fullmatch(name) and name != NO_NUMBER]
    strays = (name.encode("utf-8", "backslashreplace").decode() for name in names if name not in set(entries))
    return Listing(tuple(f"{FOLDER}/{name}" for name in entries), tuple(strays))


def stray_warning(store: Store, strays: Sequence[str]) -> JournalError:
    """What to say of files that are no entries. It is no error: nothing is raised for them."""
    some = ", ".join(strays[:3]) + (f" and {len(strays) - 3} more" if len(strays) > 3 else "")
    what = f"{some} {'is no entry' if len(strays) == 1 else 'are no entries'} of the journal: ignored"
    return JournalError(store.where(FOLDER), what, "move what is not needed there out of this folder")
