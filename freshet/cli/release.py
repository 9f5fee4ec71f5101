"""`freshet release`: a person's word on releases: this bundle, none for now, or again."""

from datetime import UTC, datetime
from getpass import getuser
from typing import TYPE_CHECKING, Annotated

import typer

from freshet.cli import asked
from freshet.cli.releases import crown
from freshet.errors import SettingsError

if TYPE_CHECKING:
    from freshet.store import Store

BUNDLE = "Start of the id of the bundle to release: one that was judged good and waits for a person."
LEAST = 6  # characters of a bundle's id


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(rich_help_panel="The model")(release)


def release(
    bundle: Annotated[str, typer.Argument(help=BUNDLE)] = "",
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
        _hold(why)
    elif resume:
        _resume(why)
    else:
        _release(bundle, why)


def _release(start: str, why: str) -> None:
    from freshet.stages.named_release import release_named
    from freshet.store import open_store

    settings = asked.settings_of_lake()
    store = open_store(settings.lake)
    entry = release_named(store, settings, _bundle(store, start), why, getuser(), datetime.now(UTC))
    typer.echo(f"release {entry.number}: bundle {entry.bundle[:12]}. {entry.verdict}")
    crown(settings, entry)


def _hold(why: str) -> None:
    from freshet.live.holds import hold_releases, hold_sentence
    from freshet.live.journal import length, serving
    from freshet.store import open_store

    store = open_store(asked.settings_of_lake().lake)
    last, serves = length(store), serving(store)
    if serves is None:
        raise asked.nothing_released(store)
    entry = hold_releases(store, last, serves.bundle, why, getuser(), datetime.now(UTC))
    already = "already: " if entry.number <= last else ""
    typer.echo(f"{entry.title}: {already}{hold_sentence(entry)}")


def _resume(why: str) -> None:
    from freshet.live.holds import resume_releases
    from freshet.live.journal import length
    from freshet.store import open_store

    store = open_store(asked.settings_of_lake().lake)
    if not length(store):
        raise asked.nothing_released(store)
    entry, hold = resume_releases(store, why, getuser(), datetime.now(UTC))
    typer.echo(f"{entry.title}: releases are open again; {hold.by} held them since {hold.at:%Y-%m-%d %H:%M} UTC")


def _bundle(store: "Store", start: str) -> str:
    """The one bundle whose id begins so."""
    names = [name for name in store.folders("bundles") if name.startswith(start)] if len(start) >= LEAST else []
    if len(names) != 1:
        what = f"{len(names) or 'no'} bundles have an id of which these are the first {LEAST} characters or more"
        raise SettingsError(f"freshet release {start}", what, f"give the first {LEAST} characters of one id or more")
    return names[0]
