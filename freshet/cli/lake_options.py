"""Options shared by commands that read the lake: the lake, the release, and the shopper's events."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import typer

from freshet.commands import materialize_hint
from freshet.data.history_events import items_as_events
from freshet.data.pseudonym import load_pseudonym_key, pseudonym
from freshet.data.whitespace import trim
from freshet.errors import EmptyLakeError, SettingsError
from freshet.inference.item_encoder import open_item_encoder
from freshet.inference.new_items import load_new_items, with_new_items
from freshet.lake_checks import require_lake
from freshet.releases.current import current_release
from freshet.settings import Settings, load
from freshet.store import open_store

if TYPE_CHECKING:
    from freshet.data.history_events import HistoryEvent
    from freshet.releases.current import Release
    from freshet.store import Store


ITEMS_HELP: Final = "Item ids of the last events, oldest first: a,b,c"
SHOPPER_HELP: Final = "A user id; the history is read from the lake."
SESSION_HELP: Final = "A session id; the history is read from the lake."


def load_lake_settings() -> Settings:
    """Load the settings for a command that only reads the lake. Raises MissingLakeError without a lake."""
    settings = load()
    require_lake(settings.lake)
    return settings


def no_release_error(store: "Store") -> EmptyLakeError:
    """Return the error before the first release, with the command to type."""
    return EmptyLakeError(f"{store.root} (FRESHET_LAKE)", "nothing has been released yet", materialize_hint(store))


def load_release(settings: Settings) -> "Release":
    """Load the champion's release with the lake's new items. Raises EmptyLakeError before the first release."""
    store = open_store(settings.lake)
    release, new_items = current_release(store, settings.cache_dir), load_new_items(store, settings.cache_dir)
    if release is None:
        raise no_release_error(store)
    if new_items is None:
        return release
    return replace(release, bundle=with_new_items(release.bundle, open_item_encoder(release.bundle), new_items.items))


@dataclass(frozen=True)
class ShopperChoice:
    """The options --items, --shopper and --session of a command. Raises SettingsError unless exactly one is given."""

    command: str
    items: str
    shopper: str
    session: str

    def __post_init__(self) -> None:
        if sum(bool(option) for option in (self.items, self.shopper, self.session)) != 1:
            raise SettingsError(self.command, "one of --items, --shopper, --session is needed", "give exactly one")

    def load_events(self, settings: Settings, release: "Release") -> "list[HistoryEvent]":
        """Return the chosen events, oldest first; unknown items or shoppers are named on stderr."""
        if self.items:
            return _events_of_items(self.items, release)
        return _events_from_lake(settings, self.shopper, self.session)


def _events_of_items(items: str, release: "Release") -> "list[HistoryEvent]":
    """Return the items of `--items` as events; items that are not in the bundle are named on stderr."""
    item_ids = [item_id.strip() for item_id in items.split(",") if item_id.strip()]
    indices = release.bundle.vocabulary.indices(item_ids)
    unknown = [name for name, index in zip(item_ids, indices, strict=True) if index == 0]
    if unknown:
        typer.echo(f"unknown to the bundle: {', '.join(unknown)}", err=True)
    return items_as_events(item_ids, release.bundle.manifest.event_type)


def _events_from_lake(settings: Settings, shopper: str, session: str) -> "list[HistoryEvent]":
    from freshet.tables.reader import read_shopper_history

    key = load_pseudonym_key(settings)
    hashed_id = pseudonym(key, "user", trim(shopper)) if shopper else pseudonym(key, "session", trim(session))
    events = read_shopper_history(settings, hashed_id)
    if not events:
        typer.echo(f"no history of {shopper or session} in the lake", err=True)
    return events
