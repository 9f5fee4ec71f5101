"""Evaluation windows: the same held-out days release only the first model that they are used for.

Of several equally bad models on the same baskets, the luckiest one passes more often than a single one would. A marker
in the lake names the first bundle that was evaluated in a window.

A window is named by its last day: windows that start elsewhere, or with a day that was run again, share most of their
baskets. A bundle is always evaluated on its own training set's days, so another window needs another model.
"""

from freshet.commands import release_command
from freshet.data.day_numbers import day_from_number
from freshet.store import Store

WINDOWS_FOLDER = "windows"


def first_evaluated_bundle(store: Store, champion_id: str | None, as_of: int) -> str | None:
    """Return the first bundle that was evaluated against this champion on the days up to `as_of`, None before."""
    path = window_path(champion_id, as_of)
    return store.get(path).decode() if store.exists(path) else None


def record_evaluated_bundle(store: Store, champion_id: str | None, as_of: int, bundle_id: str) -> None:
    """Record that the bundle was evaluated in this window, unless another one was before it."""
    store.put_if_absent(window_path(champion_id, as_of), bundle_id.encode())


def reused_window_reasons(store: Store, champion_id: str | None, as_of: int, bundle_id: str) -> tuple[str, ...]:
    """Return the hold for a second model in the same window; () for the first one."""
    first_bundle = first_evaluated_bundle(store, champion_id, as_of)
    if first_bundle is None or first_bundle == bundle_id:
        return ()
    day = day_from_number(as_of)
    return (
        f"the baskets landed up to {day} have already been used to evaluate bundle {first_bundle[:12]}, and the best "
        "of several models looks better on the same baskets than it is (train a new model when another day has landed, "
        f"or release this one yourself: {release_command(bundle_id)})",
    )


def window_path(champion_id: str | None, as_of: int) -> str:
    """`windows/<champion>/2024-03-07`; `windows/none/…` before the first release."""
    return f"{WINDOWS_FOLDER}/{champion_id or 'none'}/{day_from_number(as_of)}"
