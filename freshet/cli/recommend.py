"""`freshet recommend`: recommendations of the released bundle for a shopper or after some items."""

from typing import TYPE_CHECKING, Annotated

import typer

from freshet.cli import lake_options, terminal
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
    items: Annotated[str, typer.Option(help=lake_options.ITEMS_HELP)] = "",
    shopper: Annotated[str, typer.Option(help=lake_options.SHOPPER_HELP)] = "",
    session: Annotated[str, typer.Option(help=lake_options.SESSION_HELP)] = "",
    k: Annotated[int, typer.Option("-k", min=1, help="Number of items to show.")] = 10,
) -> None:
    """Recommend items to a shopper, or after some items.

    Give exactly one of --items, --shopper and --session.
    """
    shopper_choice = lake_options.ShopperChoice("freshet recommend", items, shopper, session)
    settings = lake_options.load_lake_settings()
    release = lake_options.load_release(settings)
    events = shopper_choice.load_events(settings, release)
    _print_items(release, _rank_items(release, events, k))


def _rank_items(release: "Release", events: "list[HistoryEvent]", k: int) -> "RankedItems":
    ranker = open_ranker(release.bundle)
    return ranker.recommend(to_history(events, release.bundle.vocabulary), k)[0]


def _print_items(release: "Release", ranked_items: "RankedItems") -> None:
    """Print the table, the tier, the bundle and the release."""
    titles = dict(zip(release.bundle.vocabulary.item_ids, release.bundle.vocabulary.titles, strict=True))
    columns = terminal.width()
    width = max(len("item"), *(len(item) for item in ranked_items.item_ids))
    typer.echo(f"rank  {'item':<{width}}  {'score':>9}  title")
    for rank, (item, score) in enumerate(zip(ranked_items.item_ids, ranked_items.scores, strict=True), start=1):
        line = f"{rank:>4}  {item:<{width}}  {score:>9.4f}  {titles[item]}".rstrip()
        typer.echo(terminal.shorten(line, columns))
    source = "this shopper has no history" if ranked_items.tier == "popular" else "from the shopper's history"
    typer.echo(f"tier {ranked_items.tier} ({source}) · bundle {release.bundle.id[:12]} · {release.entry.title}")
