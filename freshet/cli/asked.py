"""What commands have in common that read a lake: the lake itself, what serves, and whose events are meant."""

from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from freshet.commands import load_days
from freshet.errors import EmptyLakeError, SettingsError
from freshet.lake_state import require_lake
from freshet.settings import Settings, load

if TYPE_CHECKING:
    from freshet.live.released import Event, Release
    from freshet.store import Store


def settings_of_lake() -> Settings:
    """The settings, for a command that only reads the lake. Raises MissingLakeError where there is none."""
    settings = load()
    require_lake(settings.lake)
    return settings


def nothing_released(store: "Store") -> EmptyLakeError:
    """What to say, and to type, before the first release."""
    return EmptyLakeError(f"{store.root} (FRESHET_LAKE)", "nothing has been released yet", load_days(store))


def released(settings: Settings) -> "Release":
    """What serves, the lake's newest items in it. Raises EmptyLakeError before the first release."""
    from freshet.live.item_encoder import open_item_encoder
    from freshet.live.new_items import latest_new_items, welcomed
    from freshet.live.released import current_release
    from freshet.store import open_store

    store = open_store(settings.lake)
    release, new = current_release(store, settings.cache), latest_new_items(store, settings.cache)
    if release is None:
        raise nothing_released(store)
    if new is None:
        return release
    return replace(release, bundle=welcomed(release.bundle, open_item_encoder(release.bundle), new.items))


def one_of(command: str, items: str, shopper: str, session: str) -> None:
    """Raises SettingsError unless exactly one is given."""
    if sum(bool(given) for given in (items, shopper, session)) != 1:
        raise SettingsError(command, "one of --items, --shopper, --session is needed", "give exactly one")


def events_of(settings: Settings, release: "Release", items: str, shopper: str, session: str) -> "list[Event]":
    """The events asked about, oldest first; what is unknown is named on the error channel."""
    return _met(items, release) if items else _from_lake(settings, shopper, session)


def _met(items: str, release: "Release") -> "list[Event]":
    """The items of `--items` as events; those the bundle does not know are named."""
    from freshet.live.released import just_met

    names = [name.strip() for name in items.split(",") if name.strip()]
    known = release.bundle.vocabulary.index_of(names)
    unknown = [name for name, index in zip(names, known, strict=True) if index == 0]
    if unknown:
        typer.echo(f"unknown to the bundle: {', '.join(unknown)}", err=True)
    return just_met(names, release.bundle.manifest.event_type)


def _from_lake(settings: Settings, shopper: str, session: str) -> "list[Event]":
    from freshet.blanks import bare
    from freshet.pseudonym import lake_key, pseudonym
    from freshet.tables.reading import shopper_history

    key = lake_key(settings)
    name = pseudonym(key, "user", bare(shopper)) if shopper else pseudonym(key, "session", bare(session))
    events = list(shopper_history(settings, name))
    if not events:
        typer.echo(f"no history of {shopper or session} in the lake", err=True)
    return events
