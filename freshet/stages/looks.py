"""One verdict per window and champion: the days that have judged one model do not release another by trying again.

Of several equally bad models, all asked the same baskets, the luckiest passes more often than one does: the 5 % are
spent by the first. A marker in the lake names the bundle that was asked first.

Only the last day counts: windows that begin elsewhere, or of a day that was run again, share most of their baskets. A
bundle is judged on its own training set's days for ever, so another window needs another model.
"""

from datetime import timedelta

from freshet.commands import release_by_name
from freshet.store import Store
from freshet.tables.reading import EPOCH

FOLDER = "windows"


def first_look(store: Store, champion: str | None, as_of: int) -> str | None:
    """The bundle that the days up to `as_of` have judged against `champion` first; None before any verdict."""
    path = look_path(champion, as_of)
    return store.get(path).decode() if store.exists(path) else None


def keep_look(store: Store, champion: str | None, as_of: int, bundle: str) -> None:
    """These days have judged this bundle now, unless another was before it."""
    store.put_if_absent(look_path(champion, as_of), bundle.encode())


def spent_window(store: Store, champion: str | None, as_of: int, bundle: str) -> tuple[str, ...]:
    """Why a person must look before this bundle is released on these days; () for the first model they judge."""
    first = first_look(store, champion, as_of)
    if first is None or first == bundle:
        return ()
    day = EPOCH + timedelta(days=as_of)
    return (
        f"the baskets landed up to {day} have judged bundle {first[:12]} already, and the best of several models looks "
        "better on the same baskets than it is (make a new model when another day has landed, or say that this one may "
        f"serve: {release_by_name(bundle)})",
    )


def look_path(champion: str | None, as_of: int) -> str:
    """`windows/<champion>/2024-03-07`; `windows/none/…` before the first release."""
    return f"{FOLDER}/{champion or 'none'}/{EPOCH + timedelta(days=as_of)}"
