"""`freshet releases` and `freshet rollback`: what serves, what served, and back again."""

from datetime import UTC, datetime
from getpass import getuser
from typing import TYPE_CHECKING, Annotated

import typer

from freshet.settings import Settings, load

if TYPE_CHECKING:
    from freshet.live.journal import Entry


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(releases)
    app.command()(rollback)


def releases() -> None:
    """The release journal, newest last; `*` marks what serves."""
    from freshet.live.journal import read
    from freshet.store import open_store

    lake = load().lake
    entries = read(open_store(lake))
    if not entries:
        typer.echo(f"nothing has been released yet in {lake} (FRESHET_LAKE)")
        return
    typer.echo("   number  when (UTC)        kind      bundle        NDCG@10  verdict")
    for entry in entries:
        typer.echo(_line(entry, serves=entry.number == len(entries)))


def rollback(
    why: Annotated[str, typer.Option(help="The reason, for whoever reads the journal later.")],
    to: Annotated[int | None, typer.Option(help="The entry to go back to; without it the bundle before.")] = None,
) -> None:
    """Serve an earlier bundle again: one new line in the journal, after the bundle has been verified."""
    from freshet.live.rollback import roll_back
    from freshet.store import open_store

    settings = load()
    entry, target = roll_back(open_store(settings.lake), settings.cache, to, why, getuser(), datetime.now(UTC))
    typer.echo(f"entry {entry.number}: rolled back to the bundle of entry {target.number}, {target.bundle[:12]}")
    _crown(settings, entry)


def _crown(settings: Settings, entry: "Entry") -> None:
    """Say so in MLflow, too, where it is on. What serves is the journal's word alone, so this never fails."""
    from freshet.diary import Version
    from freshet.live.journal import bundle_path
    from freshet.tracking import TrackingError, diary

    book = diary(settings)
    if book is None:
        return
    place = f"{settings.lake}/{bundle_path(entry.bundle)}"
    try:
        book.crown(Version(entry.bundle, place, tags={"release": str(entry.number)}))
    except TrackingError as error:
        typer.echo(f"warning: not recorded: {error}", err=True)


def _line(entry: "Entry", *, serves: bool) -> str:
    of_model = entry.metrics.get("challenger")
    ndcg = of_model.get("ndcg@10") if isinstance(of_model, dict) else None
    figure = f"{ndcg:7.4f}" if isinstance(ndcg, float) else " " * 7
    reason = entry.verdict if entry.kind == "release" else f"{entry.verdict} Why: {entry.why}"
    start = f"{'*' if serves else ' '}  {entry.number:>6}  {entry.at:%Y-%m-%d %H:%M}"
    return f"{start}  {entry.kind:<8}  {entry.bundle[:12]}  {figure}  {reason}"
