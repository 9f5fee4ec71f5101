"""`freshet explain`: which events of a shopper move an item's score."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from freshet.cli import asked, terminal
from freshet.errors import SettingsError

if TYPE_CHECKING:
    from freshet.live.explanation import Explanation
    from freshet.live.released import Event, Release


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command(rich_help_panel="The model")(explain)


def explain(
    item: Annotated[str, typer.Argument(help="The item whose score is explained.")],
    items: Annotated[str, typer.Option(help="Items just met, oldest first: a,b,c")] = "",
    shopper: Annotated[str, typer.Option(help="A user's id: the history is read from the lake.")] = "",
    session: Annotated[str, typer.Option(help="A session's id: the history is read from the lake.")] = "",
    k: Annotated[int, typer.Option("-k", min=1, help="How many events to show.")] = 5,
) -> None:
    """Explain an item's score: which events speak for it.

    The released model is asked for the score again without each of the shopper's events.

    Give exactly one of --items, --shopper and --session.
    """
    asked.one_of("freshet explain", items, shopper, session)
    settings = asked.settings_of_lake()
    release = asked.released(settings)
    _known(release, item)
    events = asked.events_of(settings, release, items, shopper, session)
    _show(release, item, events, _explained(release, item, events), k, timed=not items)


def _known(release: "Release", item: str) -> None:
    if release.bundle.vocabulary.index_of([item])[0] == 0:
        what = f"{release.entry.title} does not know the item {item!r}"
        raise SettingsError("freshet explain", what, "check the id; `freshet recommend` shows ids it knows")


def _explained(release: "Release", item: str, events: "list[Event]") -> "Explanation":
    from freshet.live.explanation import explain as explained
    from freshet.live.ranker import open_ranker
    from freshet.live.released import history_of

    vocabulary = release.bundle.vocabulary
    return explained(open_ranker(release.bundle), history_of(events, vocabulary), vocabulary.index_of([item]))[0]


def _show(
    release: "Release", item: str, events: "Sequence[Event]", found: "Explanation", k: int, *, timed: bool
) -> None:
    """The table. timed: whether the events have times, as those of the lake; `--items` names items only."""
    vocabulary = release.bundle.vocabulary
    titles = dict(zip(vocabulary.item_ids, vocabulary.titles, strict=True))
    typer.echo(f"{item} scores {found.score:.4f} · bundle {release.bundle.id[:12]} · {release.entry.title}")
    if not found.influences:
        typer.echo("nothing is known of this shopper: the score is how popular the item is")
        return
    width = max(len("item"), *(len(events[one.event][0]) for one in found.influences))
    when = f"{'when (UTC)':<16}  " if timed else ""
    typer.echo(f"{'moves it':>9}  {'event':<8}  {when}{'item':<{width}}  title")
    for one in found.influences[:k]:
        name, kind, seconds, _ = events[one.event]
        when = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}  " if timed else ""
        line = f"{one.moved:>+9.4f}  {kind:<8}  {when}{name:<{width}}  {titles[name]}".rstrip()
        typer.echo(terminal.shorten(line, terminal.width()))
