"""Find a bundle by the first characters of its id."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from freshet.store import Store


def find_bundle(store: "Store", id_prefix: str) -> tuple[str | None, int]:
    """Return the only bundle whose id starts with the prefix (None if there is not exactly one), and the matches."""
    matches = [bundle_id for bundle_id in store.list_folders("bundles") if bundle_id.startswith(id_prefix)]
    return (matches[0] if len(matches) == 1 else None), len(matches)
