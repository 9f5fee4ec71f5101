"""One verdict per window and champion: the days that have judged one model do not release another by trying again.

Of several equally bad models, all asked the same baskets, the luckiest passes more often than one does: the 5 % are
spent by the first. A marker in the lake names the bundle that was asked first.

Only the last day counts: windows that begin elsewhere, or of a day that was run again, share most of their baskets. A
bundle is judged on its own training set's days for ever, so another window needs another model.
"""

from freshet.commands import release_command
from freshet.data.day_numbers import day_from_number
from freshet.store import Store

WINDOWS_FOLDER = "windows"


def first_judged_bundle(store: Store, champion_id: str | None, as_of: int) -> str | None:
    """The bundle that the days up to `as_of` have judged against `champion` first; None before any verdict."""
    path = window_path(champion_id, as_of)
    return store.get(path).decode() if store.exists(path) else None


def record_judged_bundle(store: Store, champion_id: str | None, as_of: int, bundle_id: str) -> None:
    """These days have judged this bundle now, unless another was before it."""
    store.put_if_absent(window_path(champion_id, as_of), bundle_id.encode())


def reused_window_reasons(store: Store, champion_id: str | None, as_of: int, bundle_id: str) -> tuple[str, ...]:
    """Why a person must look before this bundle is released on these days; () for the first model they judge."""
    first_bundle = first_judged_bundle(store, champion_id, as_of)
    if first_bundle is None or first_bundle == bundle_id:
        return ()
    day = day_from_number(as_of)
    return (
        f"the baskets landed up to {day} have judged bundle {first_bundle[:12]} already, and the best of several models looks "
        "better on the same baskets than it is (make a new model when another day has landed, or say that this one may "
        f"serve: {release_command(bundle_id)})",
    )


def window_path(champion_id: str | None, as_of: int) -> str:
    """`windows/<champion>/2024-03-07`; `windows/none/…` before the first release."""
    return f"{WINDOWS_FOLDER}/{champion_id or 'none'}/{day_from_number(as_of)}"
