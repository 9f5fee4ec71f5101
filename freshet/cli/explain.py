"""`freshet explain`: the contribution of each of a shopper's events to an item's score."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from freshet.cli import lake_options, terminal
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
    items: Annotated[str, typer.Option(help=lake_options.ITEMS_HELP)] = "",
    shopper: Annotated[str, typer.Option(help=lake_options.SHOPPER_HELP)] = "",
    session: Annotated[str, typer.Option(help=lake_options.SESSION_HELP)] = "",
    k: Annotated[int, typer.Option("-k", min=1, help="Number of events to show.")] = 5,
) -> None:
    """Explain an item's score: the contribution of each event.

    The released model scores the item again without each of the shopper's events.

    Give exactly one of --items, --shopper and --session.
    """
    shopper_choice = lake_options.ShopperChoice("freshet explain", items, shopper, session)
    settings = lake_options.load_lake_settings()
    release = lake_options.load_release(settings)
    _require_known_item(release, item)
    events = shopper_choice.load_events(settings, release)
    _print_explanation(release, item, events, _compute_explanation(release, item, events), k, timed=not items)


def _require_known_item(release: "Release", item: str) -> None:
    if release.bundle.vocabulary.indices([item])[0] == 0:
        what = f"the item {item!r} is not in the vocabulary of {release.entry.title}"
        raise SettingsError("freshet explain", what, "check the id; `freshet recommend` shows valid ids")


def _compute_explanation(release: "Release", item: str, events: "list[HistoryEvent]") -> "Explanation":
    vocabulary = release.bundle.vocabulary
    return explain_item(open_ranker(release.bundle), to_history(events, vocabulary), vocabulary.indices([item]))[0]


def _print_explanation(
    release: "Release", item: str, events: "Sequence[HistoryEvent]", explanation: "Explanation", k: int, *, timed: bool
) -> None:
    """Print the table. timed: whether the events have times; those of `--items` have none."""
    vocabulary = release.bundle.vocabulary
    titles = dict(zip(vocabulary.item_ids, vocabulary.titles, strict=True))
    typer.echo(f"{item} scores {explanation.score:.4f} · bundle {release.bundle.id[:12]} · {release.entry.title}")
    if not explanation.contributions:
        typer.echo("this shopper has no history: the score is the item's popularity")
        return
    width = max(len("item"), *(len(events[influence.event_row].item_id) for influence in explanation.contributions))
    time_column = f"{'when (UTC)':<16}  " if timed else ""
    typer.echo(f"{'change':>9}  {'event':<8}  {time_column}{'item':<{width}}  title")
    for contribution in explanation.contributions[:k]:
        item_id, event_type, seconds, _ = events[contribution.event_row]
        time_column = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}  " if timed else ""
        item_column = f"{item_id:<{width}}  {titles[item_id]}"
        line = f"{contribution.score_delta:>+9.4f}  {event_type:<8}  {time_column}{item_column}".rstrip()
        typer.echo(terminal.shorten(line, terminal.width()))
