"""`freshet releases` and `freshet rollback`: what serves, what served, and back again."""

from collections.abc import Sequence
from datetime import UTC, datetime
from getpass import getuser
from typing import TYPE_CHECKING, Annotated, Final

import typer

from freshet.cli import asked, terminal
from freshet.settings import Settings

if TYPE_CHECKING:
    from freshet.live.journal import Entry
    from freshet.store import Store

METRIC: Final = "ndcg@10"
# Beside a release: the first of them that was judged.
OTHERS: Final = ("champion", "sequential rules", "item-to-item", "popular")
NAMES: Final = {"champion": "the champion"}
INDENT: Final = 12  # of the values of one release in full


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(rich_help_panel="The model")(releases)
    app.command(rich_help_panel="The model")(rollback)


def releases(
    number: Annotated[int | None, typer.Argument(help="Show this release in full.")] = None,
    long: Annotated[bool, typer.Option("--long", help="Show every release in full.")] = False,
) -> None:
    """List the releases, newest last; `*` marks the one that serves.

    A rollback is a release, too: of a bundle that served before. Numbers are the journal's: 1, 2, 3, … A hold of
    releases and its end take one as well. Below: bundles that were judged good since and wait for a person.
    """
    from freshet.live.journal import read, read_entry
    from freshet.store import open_store

    store = open_store(asked.settings_of_lake().lake)
    _warn_of_strays(store)
    entries = read(store)
    if not entries:
        for line in _waiting(store, entries):
            typer.echo(line)
        raise asked.nothing_released(store)
    if number is not None and not 1 <= number <= len(entries):
        raise _no_release(store.root, number, len(entries))
    columns = terminal.width()
    if long or number is not None:
        chosen = entries if number is None else (read_entry(store, number),)
        typer.echo("\n\n".join(in_full(entry, entries, columns) for entry in chosen))
        return
    for line in (*table(entries, columns), *_held(entries), *_waiting(store, entries)):
        typer.echo(line)
    if columns is not None:
        typer.echo("`freshet releases NUMBER` shows one in full.")


def rollback(
    why: Annotated[str, typer.Option(help="The reason, for the people who read the journal later.")],
    to: Annotated[int | None, typer.Option(help="The release to go back to. Default: the bundle before.")] = None,
    hold: Annotated[bool, typer.Option("--hold", help="Stop releases, too, until `freshet release --resume`.")] = False,
) -> None:
    """Go back to an earlier bundle, as a new release.

    The bundle gone back from is not released again by the pipeline: go back to it with --to, or, once it was judged
    again, name it: `freshet release BUNDLE`. It works while Dagster is down. The bundle is verified first. Gateways
    follow within FRESHET_JOURNAL_SECONDS.
    """
    from freshet.live.holds import RESUME
    from freshet.live.journal import length
    from freshet.live.rollback import roll_back
    from freshet.store import open_store

    settings = asked.settings_of_lake()
    store = open_store(settings.lake)
    if not length(store):
        raise asked.nothing_released(store)
    entry, target = roll_back(store, settings.cache, to, why, getuser(), datetime.now(UTC), hold=hold)
    typer.echo(f"release {entry.number}: rolled back to the bundle of release {target.number}, {target.bundle[:12]}")
    if hold:
        typer.echo(f"Releases are held; {RESUME} ends that.")
    crown(settings, entry)


def table(entries: "Sequence[Entry]", columns: int | None) -> list[str]:
    """A line per entry, none longer than `columns`; `*` marks the release that serves."""
    serves = _serving(entries)
    lines = ["   no.  when (UTC)        bundle        NDCG@10  what"]
    for entry in entries:
        ndcg = _ndcg(entry, "challenger")
        figure = " " * 7 if ndcg is None else f"{ndcg:7.4f}"
        mark = "*" if entry.number == serves else " "
        start = f"{mark} {entry.number:>4}  {entry.at:%Y-%m-%d %H:%M}  {entry.bundle[:12]}  {figure}"
        lines.append(terminal.shorten(f"{start}  {_note(entry, entries)}".rstrip(), columns))
    return lines


def in_full(entry: "Entry", entries: "Sequence[Entry]", columns: int | None) -> str:
    """Everything the journal says of a release, in lines of `columns`."""
    from freshet.live.journal import taken_back

    back = taken_back(entries).get(entry.bundle)
    figures = {name: _ndcg(entry, name) for name in ("challenger", *OTHERS)}
    facts = {
        "when": f"{entry.at:%Y-%m-%d %H:%M} UTC, by {entry.by}",
        "bundle": entry.bundle,
        "verdict": entry.verdict,
        "why": "" if entry.why in entry.verdict else entry.why,
        "back": f"taken back by release {back.number}, {back.by}: {back.why}" if back else "",
        "NDCG@10": ", ".join(f"{name} {value:.4f}" for name, value in figures.items() if value is not None),
        "card": f"freshet card {entry.number}" if entry.is_release else "",
    }
    serves = ", serves" if entry.number == _serving(entries) else ""
    lines = [f"{entry.title}{serves}"]
    lines += [f"  {name:<{INDENT - 2}}{terminal.wrap(fact, columns, INDENT)}" for name, fact in facts.items() if fact]
    return "\n".join(lines)


def _note(entry: "Entry", entries: "Sequence[Entry]") -> str:
    """In a few words: by how much a new model leads, or what a person decided and why."""
    from freshet.live.journal import taken_back

    if not entry.is_release:
        return f"{'releases are held' if entry.kind == 'hold' else 'releases are open again'}: {entry.why}".rstrip(": ")
    if entry.kind == "rollback":
        first = next(other.number for other in entries if other.bundle == entry.bundle)
        return f"back to {first}: {entry.why}"
    back = taken_back(entries).get(entry.bundle)
    return f"{_lead(entry)}{f', taken back by {back.number}' if back else ''}"


def _lead(entry: "Entry") -> str:
    mine = _ndcg(entry, "challenger")
    other, theirs = next(((name, value) for name in OTHERS if (value := _ndcg(entry, name))), ("", 0.0))
    if mine is None or not theirs:
        return "new"
    lead = mine / theirs - 1
    percent = f"{abs(lead):.0%}" if abs(lead) >= 0.1 else f"{abs(lead):.1%}"
    return f"new, {percent.replace('%', ' %')} {'above' if lead >= 0 else 'below'} {NAMES.get(other, other)}"


def _serving(entries: "Sequence[Entry]") -> int:
    """The number of the release that serves."""
    return next((entry.number for entry in reversed(entries) if entry.is_release), 0)


def _held(entries: "Sequence[Entry]") -> list[str]:
    from freshet.live.holds import RESUME, held, hold_sentence

    hold = held(entries)
    return [] if hold is None else [f"Now {hold_sentence(hold)}; {RESUME} ends that."]


def _waiting(store: "Store", entries: "Sequence[Entry]") -> list[str]:
    from freshet.stages.waiting import waiting_bundles

    return [f"Now {waiting.sentence}." for waiting in waiting_bundles(store, entries)]


def _warn_of_strays(store: "Store") -> None:
    from freshet.live.journal_files import listing, stray_warning

    strays = listing(store).strays
    if strays:
        typer.echo(f"warning: {stray_warning(store, strays)}", err=True)


def _ndcg(entry: "Entry", scorer: str) -> float | None:
    row = entry.metrics.get(scorer)
    value = row.get(METRIC) if isinstance(row, dict) else None
    return float(value) if isinstance(value, int | float) else None


def _no_release(lake: str, number: int, last: int) -> Exception:
    from freshet.errors import JournalError

    what = f"there is no release {number}, the last is {last}"
    return JournalError(f"{lake}/releases", what, "choose one from `freshet releases`")


def crown(settings: Settings, entry: "Entry") -> None:
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
