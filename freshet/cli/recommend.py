"""`freshet recommend`: what the released bundle would show."""

from typing import TYPE_CHECKING, Annotated

import typer

from freshet.cli import history_options, terminal
from freshet.data.history_events import to_history
from freshet.inference.ranker import open_ranker

if TYPE_CHECKING:
    from freshet.data.history_events import HistoryEvent
    from freshet.inference.ranker import RankedItems
    from freshet.releases.current import Release


def register(app: typer.Typer) -> None:
    """Register the command."""
    app.command(rich_help_panel="The model")(recommend)


def recommend(
    items: Annotated[str, typer.Option(help="Items just met, oldest first: a,b,c")] = "",
    shopper: Annotated[str, typer.Option(help="A user's id: the history is read from the lake.")] = "",
    session: Annotated[str, typer.Option(help="A session's id: the history is read from the lake.")] = "",
    k: Annotated[int, typer.Option("-k", min=1, help="How many items to show.")] = 10,
) -> None:
    """Recommend items, to a shopper or after items just met.

    Give exactly one of --items, --shopper and --session.
    """
    history_options.require_exactly_one("freshet recommend", items, shopper, session)
    settings = history_options.load_lake_settings()
    release = history_options.load_release(settings)
    events = history_options.load_events(settings, release, items, shopper, session)
    _print_items(release, _rank_items(release, events, k))


def _rank_items(release: "Release", events: "list[HistoryEvent]", k: int) -> "RankedItems":

    ranker = open_ranker(release.bundle)
    return ranker.recommend(to_history(events, release.bundle.vocabulary), k)[0]


def _print_items(release: "Release", ranked_items: "RankedItems") -> None:
    """The table, and who answered."""
    titles = dict(zip(release.bundle.vocabulary.item_ids, release.bundle.vocabulary.titles, strict=True))
    columns = terminal.width()
    width = max(len("item"), *(len(item) for item in ranked_items.item_ids))
    typer.echo(f"rank  {'item':<{width}}  {'score':>9}  title")
    for rank, (item, score) in enumerate(zip(ranked_items.item_ids, ranked_items.scores, strict=True), start=1):
        line = f"{rank:>4}  {item:<{width}}  {score:>9.4f}  {titles[item]}".rstrip()
        typer.echo(terminal.shorten(line, columns))
    source = "nothing is known of this shopper" if ranked_items.tier == "popular" else "from the shopper's own history"
    typer.echo(f"tier {ranked_items.tier} ({source}) · bundle {release.bundle.id[:12]} · {release.entry.title}")
