"""`freshet recommend`: what the released bundle would show."""

from typing import TYPE_CHECKING, Annotated

import typer

from freshet.errors import JournalError, SettingsError
from freshet.settings import Settings, load

if TYPE_CHECKING:
    from freshet.live.ranker import Answer
    from freshet.live.released import Event, Release


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(recommend)


def recommend(
    items: Annotated[str, typer.Option(help="Items just met, oldest first: a,b,c")] = "",
    shopper: Annotated[str, typer.Option(help="A user's id: the history is read from the lake.")] = "",
    session: Annotated[str, typer.Option(help="A session's id: the history is read from the lake.")] = "",
    k: Annotated[int, typer.Option("-k", min=1, help="How many items to show.")] = 10,
) -> None:
    """What the released bundle recommends, for items just met or for a shopper of the lake."""
    if sum(bool(given) for given in (items, shopper, session)) != 1:
        raise SettingsError("freshet recommend", "one of --items, --shopper, --session is needed", "give exactly one")
    settings = load()
    release = _release(settings)
    events = _met(items, release) if items else _from_lake(settings, shopper, session)
    _show(release, _answer(release, events, k))


def _release(settings: Settings) -> "Release":
    from freshet.live.released import current_release
    from freshet.store import open_store

    release = current_release(open_store(settings.lake), settings.cache)
    if release is None:
        where, fix = f"{settings.lake}/releases", "run `dagster asset materialize --select '*'` with the days to load"
        raise JournalError(where, "nothing has been released yet", fix)
    return release


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
    from freshet.pseudonym import lake_key, pseudonym
    from freshet.tables.reading import shopper_history

    key = lake_key(settings)
    name = pseudonym(key, "user", shopper) if shopper else pseudonym(key, "session", session)
    events = list(shopper_history(settings, name))
    if not events:
        typer.echo(f"no history of {shopper or session} in the lake", err=True)
    return events


def _answer(release: "Release", events: "list[Event]", k: int) -> "Answer":
    from freshet.live.ranker import open_ranker
    from freshet.live.released import history_of

    ranker = open_ranker(release.bundle)
    return ranker.recommend(history_of(events, release.bundle.vocabulary), k)[0]


def _show(release: "Release", answer: "Answer") -> None:
    """The table, and who answered."""
    titles = dict(zip(release.bundle.vocabulary.item_ids, release.bundle.vocabulary.titles, strict=True))
    width = max(len("item"), *(len(item) for item in answer.item_ids))
    typer.echo(f"rank  {'item':<{width}}  {'score':>9}  title")
    for rank, (item, score) in enumerate(zip(answer.item_ids, answer.scores, strict=True), start=1):
        typer.echo(f"{rank:>4}  {item:<{width}}  {score:>9.4f}  {titles[item]}".rstrip())
    meant = "nothing is known of this shopper" if answer.tier == "popular" else "from the shopper's own history"
    typer.echo(f"tier {answer.tier} ({meant}) · bundle {release.bundle.id[:12]} · release {release.entry.number}")
