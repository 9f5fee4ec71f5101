"""`freshet explain`: which events of a shopper move an item's score."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from freshet.cli import history_options, terminal
from freshet.data.history_events import to_history
from freshet.errors import SettingsError
from freshet.inference.explanation import explain as explain_item
from freshet.inference.ranker import open_ranker

if TYPE_CHECKING:
    from freshet.data.history_events import HistoryEvent
    from freshet.inference.explanation import Explanation
    from freshet.releases.current import Release


def register(app: typer.Typer) -> None:
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
    history_options.require_exactly_one("freshet explain", items, shopper, session)
    settings = history_options.load_lake_settings()
    release = history_options.load_release(settings)
    _require_known_item(release, item)
    events = history_options.load_events(settings, release, items, shopper, session)
    _print_explanation(release, item, events, _compute_explanation(release, item, events), k, timed=not items)


def _require_known_item(release: "Release", item: str) -> None:
    if release.bundle.vocabulary.indices([item])[0] == 0:
        what = f"{release.entry.title} does not know the item {item!r}"
        raise SettingsError("freshet explain", what, "check the id; `freshet recommend` shows ids it knows")


def _compute_explanation(release: "Release", item: str, events: "list[HistoryEvent]") -> "Explanation":

    vocabulary = release.bundle.vocabulary
    return explain_item(open_ranker(release.bundle), to_history(events, vocabulary), vocabulary.indices([item]))[0]


def _print_explanation(
    release: "Release", item: str, events: "Sequence[HistoryEvent]", explanation: "Explanation", k: int, *, timed: bool
) -> None:
    """The table. timed: whether the events have times, as those of the lake; `--items` names items only."""
    vocabulary = release.bundle.vocabulary
    titles = dict(zip(vocabulary.item_ids, vocabulary.titles, strict=True))
    typer.echo(f"{item} scores {explanation.score:.4f} · bundle {release.bundle.id[:12]} · {release.entry.title}")
    if not explanation.contributions:
        typer.echo("nothing is known of this shopper: the score is how popular the item is")
        return
    width = max(len("item"), *(len(events[influence.event_row].item_id) for influence in explanation.contributions))
    time_column = f"{'when (UTC)':<16}  " if timed else ""
    typer.echo(f"{'moves it':>9}  {'event':<8}  {time_column}{'item':<{width}}  title")
    for one in explanation.contributions[:k]:
        item_id, event_type, seconds, _ = events[one.event_row]
        time_column = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}  " if timed else ""
        line = f"{one.score_delta:>+9.4f}  {event_type:<8}  {time_column}{item_id:<{width}}  {titles[item_id]}".rstrip()
        typer.echo(terminal.shorten(line, terminal.width()))
