"""What `freshet mapping check` prints: a trial in words, and whether the days would be published."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from freshet.gates.rules import Rule
from freshet.gates.suites import suite
from freshet.settings import Settings

if TYPE_CHECKING:
    from freshet.tables.faulty_columns import FaultyColumn
    from freshet.tables.trial import Group, Trial, TriedDay

WIDEST: Final = 40  # characters of a value in a table
DAYS: Final = 5  # refused days that are named
MEANING: Final = {
    "published": "valid, each once",
    "duplicate": "an earlier row has the same event_id",
    "skipped": "`where` does not hold: no event",
}
COMMA: Final = "double(replace(regexp_replace(x, '[^0-9,-]', ''), ',', '.'))"


def report(found: "Trial") -> list[str]:
    """The trial in words."""
    first = [tuple(found.first[0]), *(tuple(row.values()) for row in found.first)] if found.first else []
    lines = ["", "first events", *(_table(first) or ["  none"]), "", "events by type"]
    lines += _table([(name, f"{count:,}") for name, count in found.types.items()]) or ["  none"]
    lines += ["", f"what becomes of the {found.rows:,} rows"]
    return lines + [line for group in found.groups for line in _group(group)]


def refusals(found: "Trial", settings: Settings) -> list[str]:
    """Every day that would be refused, and why, by the rules of the gates; empty where all would be published."""
    rules = {rule.name: rule for table in ("raw_events", "events") for rule in suite(table, settings)}
    judged = [rules["rows_are_events"], rules["bad_share_is_within_limit"]]
    refused = [f"{day.day}: {why}" for day in found.days for why in _broken(day, judged)]
    if found.days and not any(day.outcomes.get("published") for day in found.days) and not refused:
        refused = ["no row would be published"]
    return refused or ([] if found.days else ["the files hold no row"])


def verdict(found: "Trial", refused: Sequence[str]) -> list[str]:
    """What would be published, and which days would be refused."""
    days = f"{len(found.days)} day{'s' * (len(found.days) != 1)}"
    if not refused:
        rows = sum(day.outcomes.get("published", 0) for day in found.days)
        return ["", f"would be published: {rows:,} of {found.rows:,} rows, on {days}"]
    more = [f"  and {len(refused) - DAYS} more"] if len(refused) > DAYS else []
    return ["", f"would be refused, of {days}:", *(f"  {line}" for line in refused[:DAYS]), *more]


def _broken(day: "TriedDay", rules: Sequence[Rule]) -> list[str]:
    counts = {name: day.outcomes.get(name, 0) for name in ("skipped", "quarantined", "duplicate", "published")}
    candidates = day.rows - counts["skipped"]
    worst = ", ".join(f"{reason} {rows}" for reason, rows in sorted(day.reasons.items(), key=lambda one: -one[1])[:3])
    row = {**counts, "rows": day.rows, "candidates": candidates, "worst": worst}
    shares = {"skipped_share": counts["skipped"] / day.rows, "bad_share": counts["quarantined"] / max(1, candidates)}
    return [rule.finding(row) for rule in rules if rule.most is not None and shares[rule.column] > rule.most]


def _group(group: "Group") -> list[str]:
    from freshet.tables.contract import REASONS

    name = group.outcome if group.reason is None else f"{group.outcome}: {group.reason}"
    meaning = MEANING.get(group.outcome) or REASONS[group.reason or ""]
    lines = [f"  {group.rows:>11,}  {name} ({meaning})"]
    lines += [line for column in group.faulty for line in _faulty(column)]
    if group.outcome != "published":
        text = _short(group.example.text or "", 100)
        lines.append(f"{'':15}e.g. {group.example.file}:{group.example.row}  {text}")
    return lines


def _faulty(column: "FaultyColumn") -> list[str]:
    """The event's column, its expression, and values that it was given."""
    if column.expression is None:
        return [f"{'':15}{column.column}: not mapped"]
    given = f", given {'; '.join(column.given)}" if column.given else ""
    lines = [f"{'':15}{column.column}: {column.expression}{given}"]
    if column.column in ("quantity", "price") and any("," in value for value in column.given):
        lines.append(f"{'':15}→ a number is written with a point; for a column x with a comma: {COMMA}")
    return lines


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Columns side by side, those without any value left out."""
    if not rows:
        return []
    full = [n for n in range(len(rows[0])) if any(row[n] for row in rows[1:] or rows)]
    cells = [[_short(row[n], WIDEST) for n in full] for row in rows]
    widths = [max(len(row[n]) for row in cells) for n in range(len(full))]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    ]


def _short(text: str, longest: int) -> str:
    flat = text.replace("\n", "⏎").replace("\t", "⇥")
    return flat if len(flat) <= longest else f"{flat[: longest - 1]}…"
