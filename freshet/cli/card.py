"""`freshet card`: the model card of a bundle, with the results of its last evaluation."""

from typing import TYPE_CHECKING, Annotated

import typer

from freshet.cli import lake_options, markdown
from freshet.cli.bundle_ids import find_bundle
from freshet.errors import BundleError
from freshet.inference.bundle import read_model_card
from freshet.releases import journal
from freshet.releases.current import fetch_bundle
from freshet.steps.evaluation.records import card_path, last_evaluation_id
from freshet.store import open_store

if TYPE_CHECKING:
    from freshet.store import Store


def register(app: typer.Typer) -> None:
    """Register the command."""
    app.command(rich_help_panel="The model")(card)


def card(
    release_or_bundle: Annotated[
        str, typer.Argument(help="Number of a release or start of a bundle's id. Default: the champion.")
    ] = "",
) -> None:
    """Show the model card of the champion or of another release.

    It lists data, training, parameters, parity and limits, and the metrics and slices of the last evaluation.

    Piped, it is Markdown: freshet card > card.md
    """

    settings = lake_options.load_lake_settings()
    store = open_store(settings.lake)
    bundle_id = (
        lake_options.load_release(settings).bundle.id
        if not release_or_bundle
        else _resolve_bundle(store, release_or_bundle)
    )
    markdown.print_markdown(
        _latest_evaluation_card(store, bundle_id) or read_model_card(fetch_bundle(store, bundle_id, settings.cache_dir))
    )


def _resolve_bundle(store: "Store", release_or_bundle: str) -> str:
    """Return the bundle's id. Raises BundleError unless exactly one bundle matches."""
    if release_or_bundle.isdigit() and 0 < int(release_or_bundle) <= journal.entry_count(store):
        return journal.read_entry(store, int(release_or_bundle)).bundle
    bundle_id, n_matches = find_bundle(store, release_or_bundle)
    if bundle_id is None:
        what = f"no release has this number, and {n_matches or 'no'} bundles have an id that starts with it"
        fix = "give the number of a release (`freshet releases`) or more characters of the bundle's id"
        raise BundleError(release_or_bundle, what, fix)
    return bundle_id


def _latest_evaluation_card(store: "Store", bundle_id: str) -> str:
    """Return the card that was rendered with the bundle's last evaluation; "" without an evaluation."""
    evaluation_id = last_evaluation_id(store, bundle_id)
    if evaluation_id is None or not store.exists(card_path(evaluation_id)):
        return ""
    return store.get(card_path(evaluation_id)).decode()
