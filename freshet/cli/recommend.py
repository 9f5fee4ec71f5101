"""`freshet recommend`: what the released bundle would show."""

from typing import TYPE_CHECKING, Annotated

import typer

from freshet.cli import asked, terminal

if TYPE_CHECKING:
    from freshet.live.ranker import Answer
    from freshet.live.released import Event, Release


def add_to(app: typer.Typer) -> None:
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
    asked.one_of("freshet recommend", items, shopper, session)
    settings = asked.settings_of_lake()
    release = asked.released(settings)
    events = asked.events_of(settings, release, items, shopper, session)
    _show(release, _answer(release, events, k))


def _answer(release: "Release", events: "list[Event]", k: int) -> "Answer":
    from freshet.live.ranker import open_ranker
    from freshet.live.released import history_of

    ranker = open_ranker(release.bundle)
    return ranker.recommend(history_of(events, release.bundle.vocabulary), k)[0]


def _show(release: "Release", answer: "Answer") -> None:
    """The table, and who answered."""
    titles = dict(zip(release.bundle.vocabulary.item_ids, release.bundle.vocabulary.titles, strict=True))
    columns = terminal.width()
    width = max(len("item"), *(len(item) for item in answer.item_ids))
    typer.echo(f"rank  {'item':<{width}}  {'score':>9}  title")
    for rank, (item, score) in enumerate(zip(answer.item_ids, answer.scores, strict=True), start=1):
        line = f"{rank:>4}  {item:<{width}}  {score:>9.4f}  {titles[item]}".rstrip()
        typer.echo(terminal.shorten(line, columns))
    meant = "nothing is known of this shopper" if answer.tier == "popular" else "from the shopper's own history"
    typer.echo(f"tier {answer.tier} ({meant}) · bundle {release.bundle.id[:12]} · {release.entry.title}")
