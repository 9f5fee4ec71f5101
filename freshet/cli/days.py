"""`freshet days`: what became of every landed row, day by day."""

from collections import Counter
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from freshet.cli import terminal
from freshet.cli.asked import settings_of_lake
from freshet.commands import day_range, load_days, materialize
from freshet.day_accounts import DayAccount, day_accounts
from freshet.days import DayRecord, read
from freshet.errors import EmptyLakeError, LakeError, SettingsError
from freshet.landing import landing_days
from freshet.past.acceptance import Acceptance, acceptances
from freshet.past.acceptance import accept as accept_day
from freshet.store import Store, open_store

COUNTS = ("landed", "skipped", "quarantined", "duplicate", "refused", "published")
ACCEPTED = "mend that first; what can be accepted is a day whose events are unlike those of the days before it"
WIDTHS = (9, 9, 12, 10, 9, 10)  # with the day and a verdict of one word: 80 columns


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    own = typer.Typer(add_completion=False)
    own.callback(invoke_without_command=True)(days)
    own.command("accept")(accept)
    app.add_typer(own, name="days", rich_help_panel="Data")


def days(
    context: typer.Context,
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First landing day.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last landing day.")] = None,
    total: Annotated[bool, typer.Option("--total", help="Only the sums over all days.")] = False,
) -> None:
    """Show what became of every landed row, day by day.

    Landed = skipped + quarantined + duplicate + refused + published.

    The verdict `empty` is a day without a delivery.
    Rows that keep the contract on a day that is not published, because too many others break it, count as refused.
    A published day whose last run was refused shows the rows that readers see, which are those of the run before.
    """
    if context.invoked_subcommand is not None:
        return
    store = open_store(settings_of_lake().lake)
    known = day_accounts(store)
    accounts = [account for account in known if _inside(account.record.day, first, last)]
    if not accounts:
        raise _nothing(known, store)
    columns = terminal.width()
    said = {acceptance.day: acceptance for acceptance in acceptances(store)}
    typer.echo(line("day", COUNTS, "verdict", columns))
    for account in [] if total else accounts:
        record = account.record
        typer.echo(line(str(record.day), _figures(_counts(record)), _verdict(account, said), columns))
    sums = [sum(counts) for counts in zip(*(_counts(account.record) for account in accounts), strict=True)]
    title = f"{len(accounts)} day{'s' if len(accounts) > 1 else ''}"
    typer.echo(line(title, _figures(sums), _verdicts(accounts), columns))
    waiting = sorted(set(landing_days(store)) - {account.record.day for account in known})
    if days_inside := [day for day in waiting if _inside(day, first, last)]:
        typer.echo(_waiting(days_inside), err=True)


def accept(
    day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The landing day.")],
    why: Annotated[str, typer.Option("--why", help="What makes the day right, for those who look at it later.")],
    onwards: Annotated[
        bool, typer.Option("--onwards", help="The shop has changed: later days are compared with this one on.")
    ] = False,
) -> None:
    """Accept a landing day as it is, although it is unlike the days before it.

    What the gate says of it becomes a warning the next time that the day is run. Rows that break the contract are
    quarantined all the same.
    """
    if not why.strip():
        raise SettingsError("--why", "is empty", "say what makes the day right")
    store = open_store(settings_of_lake().lake)
    landed = landing_days(store)
    if not landed:
        raise LakeError(store.root, "nothing has landed in it", "look whether FRESHET_LAKE is the shop's lake")
    if day.date() not in landed:
        raise LakeError(
            f"landing day {day:%Y-%m-%d}", "nothing has landed on it", "see `freshet days` for the day meant"
        )
    unread = read(store, "raw_events", [day.date()]).get(day.date())
    if unread is not None and unread.verdict == "refused":
        raise LakeError(
            f"raw_events {day:%Y-%m-%d}", f"its files cannot be accepted: {'; '.join(unread.why)}", ACCEPTED
        )
    accept_day(store, day.date(), why.strip(), datetime.now(UTC), onwards)
    then = f" Days after it are compared with the days since {day:%Y-%m-%d}." if onwards else ""
    run = materialize("*", day_range([day.date()]))
    typer.echo(f"{day:%Y-%m-%d} is accepted: {why.strip()}.{then}")
    typer.echo(f"The landing sensor runs it again within minutes; without Dagster's daemon, {run}")


def _verdict(account: DayAccount, said: dict[date, Acceptance]) -> str:
    record = account.record
    again = "; refused when it was run again" if account.seen_from_before else ""
    why = f": {'; '.join(account.refusal)}" if account.refusal else ""
    acceptance = said.get(record.day)
    accepted = f" (accepted by {acceptance.who}: {acceptance.why})" if acceptance else ""
    return f"{record.verdict}{accepted}{again}{why}"


def _verdicts(accounts: list[DayAccount]) -> str:
    """How many days have which verdict; what is rare is named where there is one."""
    number = Counter(account.record.verdict for account in accounts)
    empty = f", {number['empty']} empty" if number["empty"] else ""
    again = sum(account.seen_from_before for account in accounts)
    seen = f", {again} refused when run again" if again else ""
    return f"{number['published']} published, {number['refused']} refused{empty}{seen}"


def _waiting(days: list[date]) -> str:
    span = f"{days[0]} to {days[-1]}" if len(days) > 1 else str(days[0])
    return f"{len(days)} landed day{'s have' if len(days) > 1 else ' has'} not been run yet: {span}"


def _nothing(known: list[DayAccount], store: Store) -> EmptyLakeError:
    where = f"{store.root} (FRESHET_LAKE)"
    if known:
        fix = f"ask for days from {known[0].record.day} to {known[-1].record.day}"
        return EmptyLakeError(where, "no day of these has been run", fix)
    return EmptyLakeError(where, "no day has been run yet", load_days(store))


def _counts(record: DayRecord) -> list[int]:
    """As COUNTS: of a refused day nothing is published, whatever its gate let through."""
    landed, skipped, quarantined, duplicate, rows = (
        record.counts.get(name, 0) for name in ("landed", "skipped", "quarantined", "duplicate", "rows")
    )
    kept = (rows, 0) if record.verdict == "refused" else (0, rows)
    return [landed, skipped, quarantined, duplicate, *kept]


def _figures(counts: list[int]) -> tuple[str, ...]:
    return tuple(f"{count:,}" for count in counts)


def line(day: str, cells: tuple[str, ...], verdict: str, columns: int | None) -> str:
    """A row of the table; a verdict that does not fit into so many columns goes below it. None: all on one line."""
    start = f"{day:<11}{''.join(f'{cell:>{width}}' for cell, width in zip(cells, WIDTHS, strict=True))}"
    if columns is None or len(start) + 1 + len(verdict) <= columns:
        return f"{start} {verdict}"
    return f"{start}\n  {terminal.wrap(verdict, columns, 2)}"


def _inside(day: date, first: datetime | None, last: datetime | None) -> bool:
    return (first is None or day >= first.date()) and (last is None or day <= last.date())
