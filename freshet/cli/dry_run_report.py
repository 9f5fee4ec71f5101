"""The report of `freshet mapping check`: first events, counts by outcome, and the days that would be refused."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from freshet.errors import shorten
from freshet.gates.rules import Rule
from freshet.gates.suites import suite
from freshet.settings import Settings

if TYPE_CHECKING:
    from freshet.ingest.dry_run import DryRunDay, DryRunReport, OutcomeGroup
    from freshet.ingest.faulty_columns import FaultyColumn

MAX_CELL_CHARS: Final = 40  # characters of a value in a table
MAX_REFUSED_DAYS: Final = 5  # refused days in the report
OUTCOME_MEANINGS: Final = {
    "published": "valid and not a duplicate",
    "duplicate": "an earlier row has the same event_id",
    "skipped": "the mapping's `where` is false",
}
DECIMAL_COMMA_EXPRESSION: Final = "double(replace(regexp_replace(x, '[^0-9,-]', ''), ',', '.'))"


def report_lines(dry_run: "DryRunReport") -> list[str]:
    """Return the report's lines, without the verdict."""
    first_events = (
        [tuple(dry_run.first_rows[0]), *(tuple(row.values()) for row in dry_run.first_rows)]
        if dry_run.first_rows
        else []
    )
    lines = ["", "first events", *(_table_lines(first_events) or ["  none"]), "", "events by type"]
    lines += _table_lines([(name, f"{count:,}") for name, count in dry_run.event_type_counts.items()]) or ["  none"]
    lines += ["", f"outcomes of the {dry_run.rows:,} rows"]
    return lines + [line for group in dry_run.groups for line in _group_lines(group)]


def refusal_messages(dry_run: "DryRunReport", settings: Settings) -> list[str]:
    """Return a message for every day that the gates would refuse; empty if all days would be published."""
    rules = {rule.name: rule for table in ("raw_events", "events") for rule in suite(table, settings)}
    share_rules = [rules["rows_are_events"], rules["bad_share_is_within_limit"]]
    messages = [f"{day.day}: {reason}" for day in dry_run.days for reason in _broken_rules(day, share_rules)]
    if dry_run.days and not any(day.outcomes.get("published") for day in dry_run.days) and not messages:
        messages = ["no row would be published"]
    return messages or ([] if dry_run.days else ["the files hold no row"])


def verdict_lines(dry_run: "DryRunReport", refusals: Sequence[str]) -> list[str]:
    """Return the verdict: the rows that would be published, or the days that would be refused."""
    days = f"{len(dry_run.days)} day{'s' * (len(dry_run.days) != 1)}"
    if not refusals:
        rows = sum(day.outcomes.get("published", 0) for day in dry_run.days)
        return ["", f"would be published: {rows:,} of {dry_run.rows:,} rows, on {days}"]
    remaining = [f"  and {len(refusals) - MAX_REFUSED_DAYS} more"] if len(refusals) > MAX_REFUSED_DAYS else []
    return ["", f"would be refused, of {days}:", *(f"  {line}" for line in refusals[:MAX_REFUSED_DAYS]), *remaining]


def _broken_rules(day: "DryRunDay", rules: Sequence[Rule]) -> list[str]:
    counts = {name: day.outcomes.get(name, 0) for name in ("skipped", "quarantined", "duplicate", "published")}
    candidates = day.rows - counts["skipped"]
    top_reasons = ", ".join(
        f"{reason} {rows}" for reason, rows in sorted(day.reasons.items(), key=lambda reason_rows: -reason_rows[1])[:3]
    )
    row = {**counts, "rows": day.rows, "candidates": candidates, "top_reason": top_reasons}
    shares = {"skipped_share": counts["skipped"] / day.rows, "bad_share": counts["quarantined"] / max(1, candidates)}
    return [
        rule.format_message(row)
        for rule in rules
        if rule.max_value is not None and shares[rule.column] > rule.max_value
    ]


def _group_lines(group: "OutcomeGroup") -> list[str]:
    from freshet.ingest.contract import REASONS

    name = group.outcome if group.reason is None else f"{group.outcome}: {group.reason}"
    meaning = OUTCOME_MEANINGS.get(group.outcome) or REASONS[group.reason or ""]
    lines = [f"  {group.rows:>11,}  {name} ({meaning})"]
    lines += [line for column in group.faulty_columns for line in _faulty_column_lines(column)]
    if group.outcome != "published":
        text = _shorten_cell(group.example.text or "", 100)
        lines.append(f"{'':15}e.g. {group.example.file}:{group.example.row}  {text}")
    return lines


def _faulty_column_lines(column: "FaultyColumn") -> list[str]:
    """Return the event's column, its expression, and examples of its input."""
    if column.expression is None:
        return [f"{'':15}{column.column}: not mapped"]
    examples = f", given {'; '.join(column.examples)}" if column.examples else ""
    lines = [f"{'':15}{column.column}: {column.expression}{examples}"]
    if column.column in ("quantity", "price") and any("," in value for value in column.examples):
        lines.append(
            f"{'':15}→ numbers need a decimal point; for a column x with a comma use {DECIMAL_COMMA_EXPRESSION}"
        )
    return lines


def _table_lines(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return an aligned table without the columns that have no value."""
    if not rows:
        return []
    filled_columns = [n for n in range(len(rows[0])) if any(row[n] for row in rows[1:] or rows)]
    cells = [[_shorten_cell(row[n], MAX_CELL_CHARS) for n in filled_columns] for row in rows]
    widths = [max(len(row[n]) for row in cells) for n in range(len(filled_columns))]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    ]


def _shorten_cell(text: str, max_chars: int) -> str:
    return shorten(text.replace("\n", "⏎").replace("\t", "⇥"), max_chars)
