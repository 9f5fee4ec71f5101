"""`freshet release`: a person's word on releases: this bundle, none for now, or again."""

from datetime import UTC, datetime
from getpass import getuser
from typing import TYPE_CHECKING, Annotated

import typer

from freshet.cli import history_options
from freshet.cli.releases import set_champion_alias
from freshet.errors import SettingsError
from freshet.releases.holds import hold_releases, hold_sentence, resume_releases
from freshet.releases.journal import entry_count, last_release_entry
from freshet.store import open_store

if TYPE_CHECKING:
    from freshet.store import Store

BUNDLE_HELP = "Start of the id of the bundle to release: one that was judged good and waits for a person."
MIN_ID_CHARS = 6  # characters of a bundle's id


def register(app: typer.Typer) -> None:
    """Register the command."""
    app.command(rich_help_panel="The model")(release)


def release(
    bundle: Annotated[str, typer.Argument(help=BUNDLE_HELP)] = "",
    why: Annotated[str, typer.Option(help="The reason, for the people who read the journal later.")] = "",
    hold: Annotated[bool, typer.Option("--hold", help="Stop releases until --resume; what serves goes on.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="End the hold.")] = False,
) -> None:
    """Release a bundle by its name, or hold releases and resume them.

    The pipeline releases what its verdict allows. A bundle that was taken back, or looks too good to be true, waits
    for this command. What was not judged good, or against another release than serves now, is refused.
    """
    if (bool(bundle), hold, resume).count(True) != 1:
        raise SettingsError("freshet release", "one of BUNDLE, --hold and --resume is needed", "give exactly one")
    if not why and not resume:
        raise SettingsError("freshet release", "--why is missing", 'give the reason: --why "…"')
    if hold:
        _hold_releases(why)
    elif resume:
        _resume_releases(why)
    else:
        _release_bundle(bundle, why)


def _release_bundle(id_prefix: str, why: str) -> None:
    from freshet.steps.release.by_name import release_held_bundle

    settings = history_options.load_lake_settings()
    store = open_store(settings.lake)
    entry = release_held_bundle(store, settings, _find_bundle(store, id_prefix), why, getuser(), datetime.now(UTC))
    typer.echo(f"release {entry.number}: bundle {entry.bundle[:12]}. {entry.verdict}")
    set_champion_alias(settings, entry)


def _hold_releases(why: str) -> None:

    store = open_store(history_options.load_lake_settings().lake)
    last_number, current_entry = entry_count(store), last_release_entry(store)
    if current_entry is None:
        raise history_options.no_release_error(store)
    entry = hold_releases(store, last_number, current_entry.bundle, why, getuser(), datetime.now(UTC))
    note = "already: " if entry.number <= last_number else ""
    typer.echo(f"{entry.title}: {note}{hold_sentence(entry)}")


def _resume_releases(why: str) -> None:

    store = open_store(history_options.load_lake_settings().lake)
    if not entry_count(store):
        raise history_options.no_release_error(store)
    entry, hold = resume_releases(store, why, getuser(), datetime.now(UTC))
    typer.echo(f"{entry.title}: releases are open again; {hold.by} held them since {hold.at:%Y-%m-%d %H:%M} UTC")


def _find_bundle(store: "Store", id_prefix: str) -> str:
    """The one bundle whose id begins so."""
    matches = (
        [name for name in store.list_folders("bundles") if name.startswith(id_prefix)]
        if len(id_prefix) >= MIN_ID_CHARS
        else []
    )
    if len(matches) != 1:
        what = (
            f"{len(matches) or 'no'} bundles have an id of which these are the first {MIN_ID_CHARS} characters or more"
        )
        raise SettingsError(
            f"freshet release {id_prefix}", what, f"give the first {MIN_ID_CHARS} characters of one id or more"
        )
    return matches[0]
