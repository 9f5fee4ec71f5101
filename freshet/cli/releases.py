"""`freshet releases` and `freshet rollback`: list the journal's releases, and go back to an earlier bundle."""

from collections.abc import Sequence
from datetime import UTC, datetime
from getpass import getuser
from typing import TYPE_CHECKING, Annotated, Final

import typer

from freshet.cli import lake_options, terminal
from freshet.errors import JournalError
from freshet.releases.holds import RESUME_COMMAND, hold_in_force, hold_sentence
from freshet.releases.journal import bundle_path, entry_count, read_entries, read_entry, rolled_back_bundles
from freshet.releases.journal_files import list_journal, stray_warning
from freshet.releases.rollback import roll_back
from freshet.settings import Settings
from freshet.steps.release.waiting_bundles import waiting_bundles
from freshet.store import open_store
from freshet.tracking.mlflow_tracker import TrackingError, open_tracker
from freshet.tracking.records import ModelVersion

if TYPE_CHECKING:
    from freshet.releases.journal import JournalEntry
    from freshet.store import Store

METRIC: Final = "ndcg@10"
# A release is compared with the first of these that its evaluation has.
REFERENCE_SCORERS: Final = ("champion", "sequential rules", "item-to-item", "popular")
SCORER_NAMES: Final = {"champion": "the champion"}
DETAIL_INDENT: Final = 12  # of the values in the details of a release


def register(app: typer.Typer) -> None:
    """Register the commands."""
    app.command(rich_help_panel="The model")(releases)
    app.command(rich_help_panel="The model")(rollback)


def releases(
    number: Annotated[int | None, typer.Argument(help="Show this release in full.")] = None,
    long: Annotated[bool, typer.Option("--long", help="Show every release in full.")] = False,
) -> None:
    """List the releases, newest last; `*` marks the champion.

    A rollback is also a release, of an earlier bundle. The numbers are those of the journal, in which a hold of
    releases and its end take a number, too. Below: bundles that passed their evaluation since and wait for a person.
    """
    store = open_store(lake_options.load_lake_settings().lake)
    _warn_of_strays(store)
    entries = read_entries(store)
    if not entries:
        for line in _pending_lines(store, entries):
            typer.echo(line)
        raise lake_options.no_release_error(store)
    if number is not None and not 1 <= number <= len(entries):
        raise _no_release_error(store.root, number, len(entries))
    if long or number is not None:
        selected_entries = entries if number is None else (read_entry(store, number),)
        details = [release_details(entry, entries, terminal.width()) for entry in selected_entries]
        typer.echo("\n\n".join(details))
    else:
        _print_table(store, entries, terminal.width())


def _print_table(store: "Store", entries: "Sequence[JournalEntry]", columns: int | None) -> None:
    for line in (*release_table(entries, columns), *_hold_lines(entries), *_pending_lines(store, entries)):
        typer.echo(line)
    if columns is not None:
        typer.echo("`freshet releases NUMBER` shows the details of one.")


def rollback(
    why: Annotated[str, typer.Option(help="The reason, for later readers of the journal.")],
    to: Annotated[int | None, typer.Option(help="The release to go back to. Default: the previous bundle.")] = None,
    hold: Annotated[bool, typer.Option("--hold", help="Also stop releases until `freshet release --resume`.")] = False,
) -> None:
    """Go back to an earlier bundle, as a new release.

    The pipeline does not release the rolled-back bundle again: go back to it with --to, or, after another evaluation,
    release it with `freshet release BUNDLE`. It works while Dagster is down. The bundle is verified first. Gateways
    follow within FRESHET_JOURNAL_POLL_S.
    """
    settings = lake_options.load_lake_settings()
    store = open_store(settings.lake)
    if not entry_count(store):
        raise lake_options.no_release_error(store)
    entry, target = roll_back(store, settings.cache_dir, to, why, getuser(), datetime.now(UTC), hold=hold)
    typer.echo(f"release {entry.number}: rolled back to the bundle of release {target.number}, {target.bundle[:12]}")
    if hold:
        typer.echo(f"Releases are held; {RESUME_COMMAND} ends the hold.")
    set_champion_alias(settings, entry)


def release_table(entries: "Sequence[JournalEntry]", columns: int | None) -> list[str]:
    """Return a line per entry, none longer than `columns`; `*` marks the champion."""
    serving_number = _serving_number(entries)
    lines = ["   no.  when (UTC)        bundle        NDCG@10  what"]
    for entry in entries:
        ndcg = _ndcg(entry, "challenger")
        ndcg_text = " " * 7 if ndcg is None else f"{ndcg:7.4f}"
        marker = "*" if entry.number == serving_number else " "
        prefix = f"{marker} {entry.number:>4}  {entry.at:%Y-%m-%d %H:%M}  {entry.bundle[:12]}  {ndcg_text}"
        lines.append(terminal.shorten(f"{prefix}  {_entry_summary(entry, entries)}".rstrip(), columns))
    return lines


def release_details(entry: "JournalEntry", entries: "Sequence[JournalEntry]", columns: int | None) -> str:
    """Return the details of a release, in lines of at most `columns`."""
    rollback_entry = rolled_back_bundles(entries).get(entry.bundle)
    ndcg_by_scorer = {name: _ndcg(entry, name) for name in ("challenger", *REFERENCE_SCORERS)}
    fields = {
        "when": f"{entry.at:%Y-%m-%d %H:%M} UTC, by {entry.by}",
        "bundle": entry.bundle,
        "verdict": entry.verdict,
        "why": "" if entry.why in entry.verdict else entry.why,
        "back": f"rolled back by release {rollback_entry.number}, {rollback_entry.by}: {rollback_entry.why}"
        if rollback_entry
        else "",
        "NDCG@10": ", ".join(f"{name} {value:.4f}" for name, value in ndcg_by_scorer.items() if value is not None),
        "card": f"freshet card {entry.number}" if entry.is_release else "",
    }
    serving_note = ", serves" if entry.number == _serving_number(entries) else ""
    lines = [f"{entry.title}{serving_note}"]
    lines += [
        f"  {name:<{DETAIL_INDENT - 2}}{terminal.wrap(fact, columns, DETAIL_INDENT)}"
        for name, fact in fields.items()
        if fact
    ]
    return "\n".join(lines)


def _entry_summary(entry: "JournalEntry", entries: "Sequence[JournalEntry]") -> str:
    """Return a short summary: the NDCG lead of a new model, or a person's decision and its reason."""
    if not entry.is_release:
        return f"{'releases are held' if entry.kind == 'hold' else 'releases are open again'}: {entry.why}".rstrip(": ")
    if entry.kind == "rollback":
        first_number = next(earlier.number for earlier in entries if earlier.bundle == entry.bundle)
        return f"back to {first_number}: {entry.why}"
    rollback_entry = rolled_back_bundles(entries).get(entry.bundle)
    return f"{_lead_summary(entry)}{f', rolled back by {rollback_entry.number}' if rollback_entry else ''}"


def _lead_summary(entry: "JournalEntry") -> str:
    challenger_ndcg = _ndcg(entry, "challenger")
    reference, reference_ndcg = next(
        ((name, value) for name in REFERENCE_SCORERS if (value := _ndcg(entry, name))), ("", 0.0)
    )
    if challenger_ndcg is None or not reference_ndcg:
        return "new"
    lead = challenger_ndcg / reference_ndcg - 1
    percent = f"{abs(lead):.0%}" if abs(lead) >= 0.1 else f"{abs(lead):.1%}"
    direction = "above" if lead >= 0 else "below"
    return f"new, {percent.replace('%', ' %')} {direction} {SCORER_NAMES.get(reference, reference)}"


def _serving_number(entries: "Sequence[JournalEntry]") -> int:
    """Return the number of the champion's release."""
    return next((entry.number for entry in reversed(entries) if entry.is_release), 0)


def _hold_lines(entries: "Sequence[JournalEntry]") -> list[str]:
    hold = hold_in_force(entries)
    return [] if hold is None else [f"Now {hold_sentence(hold)}; {RESUME_COMMAND} ends the hold."]


def _pending_lines(store: "Store", entries: "Sequence[JournalEntry]") -> list[str]:
    return [f"Now {bundle.sentence}." for bundle in waiting_bundles(store, entries)]


def _warn_of_strays(store: "Store") -> None:
    strays = list_journal(store).strays
    if strays:
        typer.echo(f"warning: {stray_warning(store, strays)}", err=True)


def _ndcg(entry: "JournalEntry", scorer: str) -> float | None:
    row = entry.metrics.get(scorer)
    value = row.get(METRIC) if isinstance(row, dict) else None
    return float(value) if isinstance(value, int | float) else None


def _no_release_error(lake: str, number: int, last_number: int) -> JournalError:
    what = f"there is no release {number}, the last is {last_number}"
    return JournalError(f"{lake}/releases", what, "choose one from `freshet releases`")


def set_champion_alias(settings: Settings, entry: "JournalEntry") -> None:
    """Set the champion alias in MLflow if it is on. Failures are warnings: the journal alone decides what serves."""
    tracker = open_tracker(settings)
    if tracker is None:
        return
    path = f"{settings.lake}/{bundle_path(entry.bundle)}"
    try:
        tracker.set_champion_alias(ModelVersion(entry.bundle, path, tags={"release": str(entry.number)}))
    except TrackingError as error:
        typer.echo(f"warning: not recorded: {error}", err=True)
