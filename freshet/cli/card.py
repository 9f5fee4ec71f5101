"""`freshet card`: the model card of a bundle, with what its last evaluation found."""

from typing import TYPE_CHECKING, Annotated

import typer

from freshet.cli import asked, markdown
from freshet.errors import BundleError

if TYPE_CHECKING:
    from freshet.store import Store


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(rich_help_panel="The model")(card)


def card(
    which: Annotated[
        str, typer.Argument(help="A release's number or the start of a bundle's id. Default: what serves.")
    ] = "",
) -> None:
    """Show the model card of what serves, or of another release.

    Data, training, parameters, parity, limits; metrics and slices where it was evaluated.

    Piped, it is Markdown: freshet card > card.md
    """
    from freshet.live.bundle import model_card
    from freshet.live.released import fetch_bundle
    from freshet.store import open_store

    settings = asked.settings_of_lake()
    store = open_store(settings.lake)
    name = asked.released(settings).bundle.id if not which else _named(store, which)
    markdown.show(_evaluated(store, name) or model_card(fetch_bundle(store, name, settings.cache)))


def _named(store: "Store", which: str) -> str:
    """The bundle that is meant. Raises BundleError where none is, or several are."""
    from freshet.live import journal

    if which.isdigit() and 0 < int(which) <= journal.length(store):
        return journal.read_entry(store, int(which)).bundle
    found = [name for name in store.folders("bundles") if name.startswith(which)]
    if len(found) != 1:
        what = f"there is no release of this number, and {len(found) or 'no'} bundles have an id that begins so"
        raise BundleError(which, what, "name a release's number (`freshet releases`) or more of the bundle's id")
    return found[0]


def _evaluated(store: "Store", bundle: str) -> str:
    """The card of the bundle's evaluation that was decided on the latest state of the journal; "" without any."""
    import json

    found = []
    for path in store.list("evaluations"):
        if path.endswith(".json"):
            kept = json.loads(store.get(path))
            if kept["bundle"] == bundle and store.exists(path.removesuffix("json") + "md"):
                found.append((kept["decided_on"], path.removesuffix("json") + "md"))
    return store.get(max(found)[1]).decode() if found else ""
