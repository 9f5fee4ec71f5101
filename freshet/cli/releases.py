"""`freshet releases` and `freshet rollback`: what serves, what served, and back again."""

from datetime import UTC, datetime
from getpass import getuser
from typing import TYPE_CHECKING, Annotated

import typer

from freshet.errors import JournalError
from freshet.settings import load

if TYPE_CHECKING:
    from freshet.live.journal import Entry
    from freshet.store import Store


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(releases)
    app.command()(rollback)


def releases() -> None:
    """The release journal, newest last; `*` marks what serves."""
    from freshet.live.journal import read
    from freshet.store import open_store

    entries = read(open_store(load().lake))
    if not entries:
        typer.echo("nothing has been released yet")
        return
    typer.echo("   number  when (UTC)        kind      bundle        NDCG@10  verdict")
    for entry in entries:
        typer.echo(_line(entry, serves=entry.number == len(entries)))


def rollback(
    why: Annotated[str, typer.Option(help="The reason, for whoever reads the journal later.")],
    to: Annotated[int | None, typer.Option(help="The entry to go back to; without it the bundle before.")] = None,
) -> None:
    """Serve an earlier bundle again: one new line in the journal, after the bundle has been verified."""
    from freshet.live.journal import append, length
    from freshet.live.released import fetch_bundle
    from freshet.store import open_store

    settings = load()
    store = open_store(settings.lake)
    last = length(store)
    target = _target(store, last, to)
    fetch_bundle(store, target.bundle, settings.cache)
    entry = _entry(last, target, why, datetime.now(UTC))
    append(store, entry)
    typer.echo(f"entry {entry.number}: rolled back to the bundle of entry {target.number}, {target.bundle[:12]}")


def _target(store: "Store", last: int, to: int | None) -> "Entry":
    """The entry to go back to: the one asked for, else the newest with another bundle than the last."""
    from freshet.live.journal import FOLDER, earlier, read_entry

    where = store.where(FOLDER)
    if to is not None and not 1 <= to <= last:
        raise JournalError(where, f"there is no entry {to}, the last is {last}", "choose one from `freshet releases`")
    target = read_entry(store, to) if to is not None else earlier(store, last) if last else None
    if target is None:
        raise JournalError(where, "there is no earlier bundle to go back to", "see `freshet releases`")
    return target


def _entry(last: int, target: "Entry", why: str, now: datetime) -> "Entry":
    from freshet.live.journal import Entry

    return Entry(
        number=last + 1,
        decided_on=last,
        kind="rollback",
        bundle=target.bundle,
        verdict=f"Rolled back to the bundle of entry {target.number}.",
        why=why,
        metrics=target.metrics,
        at=now,
        by=getuser(),
    )


def _line(entry: "Entry", *, serves: bool) -> str:
    of_model = entry.metrics.get("challenger")
    ndcg = of_model.get("ndcg@10") if isinstance(of_model, dict) else None
    figure = f"{ndcg:7.4f}" if isinstance(ndcg, float) else " " * 7
    reason = entry.verdict if entry.kind == "release" else f"{entry.verdict} Why: {entry.why}"
    start = f"{'*' if serves else ' '}  {entry.number:>6}  {entry.at:%Y-%m-%d %H:%M}"
    return f"{start}  {entry.kind:<8}  {entry.bundle[:12]}  {figure}  {reason}"
