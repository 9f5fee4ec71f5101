"""`freshet days`: the counts of landed rows by outcome, day by day; `freshet days accept`: accept an unusual day."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from freshet.anomalies.acceptance import Acceptance, load_acceptances
from freshet.anomalies.acceptance import accept as accept_day
from freshet.cli import terminal
from freshet.cli.lake_options import load_lake_settings
from freshet.commands import materialize_command, materialize_hint, partition_range
from freshet.errors import EmptyLakeError, LakeError, SettingsError
from freshet.landing import landing_days
from freshet.store import Store, open_store
from freshet.tables.day_records import DayRecord, latest_records
from freshet.tables.day_status import DayStatus, day_statuses

COUNT_COLUMNS = ("landed", "skipped", "quarantined", "duplicate", "refused", "published")
ACCEPT_FIX = "fix the files first; only a day whose events differ from those of the days before it can be accepted"
COLUMN_WIDTHS = (9, 9, 12, 10, 9, 10)  # 80 columns in all, with the day and a verdict of one word


def register(app: typer.Typer) -> None:
    """Register the command."""
    group = typer.Typer(add_completion=False)
    group.callback(invoke_without_command=True)(days)
    group.command("accept")(accept)
    app.add_typer(group, name="days", rich_help_panel="Data")


def days(
    context: typer.Context,
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First landing day.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last landing day.")] = None,
    total: Annotated[bool, typer.Option("--total", help="Show only the sums over all days.")] = False,
) -> None:
    """Show the counts of landed rows by outcome, day by day.

    Landed = skipped + quarantined + duplicate + refused + published.

    The verdict `empty` is a day without a delivery.
    Valid rows of a day that is refused because too many others break the contract count as refused.
    A published day whose last run was refused shows the rows of the run before, which readers still see.
    """
    if context.invoked_subcommand is not None:
        return
    store = open_store(load_lake_settings().lake)
    all_accounts = day_statuses(store)
    accounts = [account for account in all_accounts if _is_in_range(account.record.day, first, last)]
    if not accounts:
        raise _no_days_error(all_accounts, store)
    columns = terminal.width()
    typer.echo(table_row("day", COUNT_COLUMNS, "verdict", columns))
    for line in [] if total else _day_rows(accounts, load_acceptances(store), columns):
        typer.echo(line)
    typer.echo(_total_row(accounts, columns))
    pending_days = sorted(set(landing_days(store)) - {account.record.day for account in all_accounts})
    if pending_in_range := [day for day in pending_days if _is_in_range(day, first, last)]:
        typer.echo(_pending_days_message(pending_in_range), err=True)


def accept(
    day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The landing day.")],
    why: Annotated[str, typer.Option("--why", help="Why the day is correct, for later readers.")],
    onwards: Annotated[
        bool, typer.Option("--onwards", help="The shop has changed: compare later days with the days from this one on.")
    ] = False,
) -> None:
    """Accept a landing day although it differs from the days before it.

    The gate's refusal becomes a warning in the next run of the day. Rows that break the contract are still
    quarantined.
    """
    if not why.strip():
        raise SettingsError("--why", "is empty", "give the reason why the day is correct")
    store = open_store(load_lake_settings().lake)
    _require_acceptable(store, day.date())
    accept_day(store, day.date(), why.strip(), datetime.now(UTC), onwards)
    comparison_note = f" Days after it are compared with the days since {day:%Y-%m-%d}." if onwards else ""
    command = materialize_command("*", partition_range([day.date()]))
    typer.echo(f"{day:%Y-%m-%d} is accepted: {why.strip()}.{comparison_note}")
    typer.echo(f"The landing sensor runs it again within minutes; without Dagster's daemon, {command}")


def _require_acceptable(store: Store, day: date) -> None:
    """Raise LakeError if nothing landed on the day, or if its files could not be read."""
    days_with_files = landing_days(store)
    if not days_with_files:
        raise LakeError(store.root, "nothing has landed in it", "check whether FRESHET_LAKE is the shop's lake")
    if day not in days_with_files:
        raise LakeError(f"landing day {day}", "nothing has landed on it", "see `freshet days` for the landed days")
    raw_record = latest_records(store, "raw_events", [day]).get(day)
    if raw_record is not None and raw_record.verdict == "refused":
        raise LakeError(f"raw_events {day}", f"its files cannot be accepted: {'; '.join(raw_record.why)}", ACCEPT_FIX)


def _day_rows(accounts: Sequence[DayStatus], acceptances: Sequence[Acceptance], columns: int | None) -> Iterator[str]:
    acceptances_by_day = {acceptance.day: acceptance for acceptance in acceptances}
    for account in accounts:
        counts = _format_counts(_row_counts(account.record))
        yield table_row(str(account.record.day), counts, _verdict_text(account, acceptances_by_day), columns)


def _total_row(accounts: Sequence[DayStatus], columns: int | None) -> str:
    totals = [sum(counts) for counts in zip(*(_row_counts(account.record) for account in accounts), strict=True)]
    title = f"{len(accounts)} day{'s' if len(accounts) > 1 else ''}"
    return table_row(title, _format_counts(totals), _verdict_summary(accounts), columns)


def _verdict_text(account: DayStatus, acceptances_by_day: dict[date, Acceptance]) -> str:
    record = account.record
    rerun_note = "; refused when it was run again" if account.shows_earlier_run else ""
    refusal_text = f": {'; '.join(account.refusal_reasons)}" if account.refusal_reasons else ""
    acceptance = acceptances_by_day.get(record.day)
    acceptance_note = f" (accepted by {acceptance.by}: {acceptance.why})" if acceptance else ""
    return f"{record.verdict}{acceptance_note}{rerun_note}{refusal_text}"


def _verdict_summary(accounts: Sequence[DayStatus]) -> str:
    """Return the number of days per verdict; empty days and refused re-runs only if there are any."""
    counts = Counter(account.record.verdict for account in accounts)
    empty_text = f", {counts['empty']} empty" if counts["empty"] else ""
    n_refused_reruns = sum(account.shows_earlier_run for account in accounts)
    rerun_text = f", {n_refused_reruns} refused when run again" if n_refused_reruns else ""
    return f"{counts['published']} published, {counts['refused']} refused{empty_text}{rerun_text}"


def _pending_days_message(days: list[date]) -> str:
    span = f"{days[0]} to {days[-1]}" if len(days) > 1 else str(days[0])
    return f"{len(days)} landed day{'s have' if len(days) > 1 else ' has'} not been run yet: {span}"


def _no_days_error(accounts: list[DayStatus], store: Store) -> EmptyLakeError:
    where = f"{store.root} (FRESHET_LAKE)"
    if accounts:
        fix = f"choose days from {accounts[0].record.day} to {accounts[-1].record.day}"
        return EmptyLakeError(where, "none of these days has been run", fix)
    return EmptyLakeError(where, "no day has been run yet", materialize_hint(store))


def _row_counts(record: DayRecord) -> list[int]:
    """Return the counts of COUNT_COLUMNS. On a refused day the valid rows count as refused."""
    landed, skipped, quarantined, duplicate, rows = (
        record.counts.get(name, 0) for name in ("landed", "skipped", "quarantined", "duplicate", "rows")
    )
    refused_published = (rows, 0) if record.verdict == "refused" else (0, rows)
    return [landed, skipped, quarantined, duplicate, *refused_published]


def _format_counts(counts: list[int]) -> tuple[str, ...]:
    return tuple(f"{count:,}" for count in counts)


def table_row(label: str, cells: tuple[str, ...], verdict: str, columns: int | None) -> str:
    """Return a row of the table; a verdict that does not fit goes below it. columns: width, None: unlimited."""
    prefix = f"{label:<11}{''.join(f'{cell:>{width}}' for cell, width in zip(cells, COLUMN_WIDTHS, strict=True))}"
    if columns is None or len(prefix) + 1 + len(verdict) <= columns:
        return f"{prefix} {verdict}"
    return f"{prefix}\n  {terminal.wrap(verdict, columns, 2)}"


def _is_in_range(day: date, first: datetime | None, last: datetime | None) -> bool:
    return (first is None or day >= first.date()) and (last is None or day <= last.date())
