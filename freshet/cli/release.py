"""`freshet release`: release a bundle by hand, hold releases, or resume them."""

from datetime import UTC, datetime
from getpass import getuser
from typing import TYPE_CHECKING, Annotated

import typer

from freshet.cli import lake_options
from freshet.cli.bundle_ids import find_bundle
from freshet.cli.releases import set_champion_alias
from freshet.errors import SettingsError
from freshet.releases.holds import hold_releases, hold_sentence, resume_releases
from freshet.releases.journal import entry_count, last_release_entry
from freshet.steps.release.release_held import release_held_bundle
from freshet.store import open_store

if TYPE_CHECKING:
    from freshet.store import Store

BUNDLE_HELP = "Start of the id of the bundle to release: one that passed its evaluation and is held for a person."
MIN_ID_CHARS = 6  # of a bundle's id


def register(app: typer.Typer) -> None:
    """Register the command."""
    app.command(rich_help_panel="The model")(release)


def release(
    bundle: Annotated[str, typer.Argument(help=BUNDLE_HELP)] = "",
    why: Annotated[str, typer.Option(help="The reason, for later readers of the journal.")] = "",
    hold: Annotated[bool, typer.Option("--hold", help="Stop releases until --resume; the champion stays.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="End the hold.")] = False,
) -> None:
    """Release a bundle by its id, hold releases, or resume them.

    The pipeline releases bundles that pass their evaluation. A bundle that was rolled back, or whose gain is
    implausible, waits for this command. A bundle that failed its evaluation, or was evaluated against another release
    than the champion, is refused.
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
    settings = lake_options.load_lake_settings()
    store = open_store(settings.lake)
    entry = release_held_bundle(store, settings, _require_bundle(store, id_prefix), why, getuser(), datetime.now(UTC))
    typer.echo(f"release {entry.number}: bundle {entry.bundle[:12]}. {entry.verdict}")
    set_champion_alias(settings, entry)


def _hold_releases(why: str) -> None:
    store = open_store(lake_options.load_lake_settings().lake)
    last_number, current_entry = entry_count(store), last_release_entry(store)
    if current_entry is None:
        raise lake_options.no_release_error(store)
    entry = hold_releases(store, last_number, current_entry.bundle, why, getuser(), datetime.now(UTC))
    note = "already: " if entry.number <= last_number else ""
    typer.echo(f"{entry.title}: {note}{hold_sentence(entry)}")


def _resume_releases(why: str) -> None:
    store = open_store(lake_options.load_lake_settings().lake)
    if not entry_count(store):
        raise lake_options.no_release_error(store)
    entry, hold = resume_releases(store, why, getuser(), datetime.now(UTC))
    typer.echo(f"{entry.title}: releases are open again; {hold.by} held them since {hold.at:%Y-%m-%d %H:%M} UTC")


def _require_bundle(store: "Store", id_prefix: str) -> str:
    """Return the id of the bundle. Raises SettingsError unless the prefix is long enough and matches exactly one."""
    where = f"freshet release {id_prefix}"
    if len(id_prefix) < MIN_ID_CHARS:
        raise SettingsError(
            where, "the id is too short", f"give at least the first {MIN_ID_CHARS} characters of the id"
        )
    bundle_id, n_matches = find_bundle(store, id_prefix)
    if bundle_id is None:
        what = f"{n_matches or 'no'} bundles have an id that starts with it"
        raise SettingsError(where, what, "give more characters of one id")
    return bundle_id
