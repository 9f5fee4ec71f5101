"""Stage, check and publish a table: day by day as far as its gate passes, or as a whole if it has no days."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame

from freshet.gates.check_rules import check_rules
from freshet.gates.rules import GateReport
from freshet.gates.suites import suite
from freshet.publishing.adjacent_days import check_with_overlaps
from freshet.publishing.anomaly_profile import add_day_comparison
from freshet.publishing.derived_columns import add_derived_columns, add_index_columns
from freshet.publishing.gate_inputs import UNDELIVERED, GateInputs
from freshet.publishing.overlapping_ids import Overlaps
from freshet.publishing.profiles import profile_stage
from freshet.settings import Settings
from freshet.store import Store
from freshet.tables import day_records, iceberg
from freshet.tables.day_records import DayRecord, PublishAttempt
from freshet.tables.schemas import EVENTS, Table

if TYPE_CHECKING:
    import pandas as pd

UpstreamAttempts = Mapping[date, Mapping[str, str]]  # day → upstream table → the attempt that the day was made from
GateInputsSource = GateInputs | Callable[[DataFrame], GateInputs]  # ready, or computed from the staged rows
OverlapCounter = Callable[[DataFrame, Collection[date]], Overlaps]  # (staged rows, days refused so far) → overlaps


@dataclass(frozen=True)
class DayRows:
    """Rows of some landing days on their way into a daily table.

    inputs: further columns of the profile, which the staged rows do not hold. `undelivered` marks
    empty days and is not stored as a column: a day without a delivery loses the rows that readers saw of it.
    sources: what each day was made from, for its record.
    count_overlaps: how many staged event ids are also published on other days; None: the rows are not compared.
    """

    frame: DataFrame
    table: Table
    days: Sequence[date]
    inputs: GateInputsSource
    sources: UpstreamAttempts = field(default_factory=dict)
    count_overlaps: OverlapCounter | None = None


@dataclass(frozen=True)
class PublishResult:
    """The result of publishing a table. `refused` maps the day (or the table's name) to the reasons.

    Every day is in one of `published`, `refused` or `empty`; a day without a delivery is empty.
    added_days: days that were not requested, with the reason for their rebuild.
    notes: warnings for the reader of the run.
    """

    table: Table
    published: tuple[date, ...]
    refused: Mapping[str, Sequence[str]]
    gate_report: GateReport
    profile: "pd.DataFrame"
    snapshot: int | None
    empty: tuple[date, ...] = ()
    cleared_days: tuple[date, ...] = ()  # of `empty`, the days that an orchestrator still lists as published
    added_days: Mapping[date, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Number of rows that became visible."""
        if not self.table.daily:
            return 0 if self.refused else int(self.profile["rows"].iloc[0])
        return int(self.profile["rows"][self.profile.index.isin(self.published)].sum())

    def message(self) -> str:
        """Return one line per refusal: `events 2024-03-02: 17 of 90 rows …; fix …`."""
        lines = [f"{self.subject(day)}: {reason}" for day, reasons in self.refused.items() for reason in reasons]
        return "\n".join(lines)

    def subject(self, day: str) -> str:
        """Return `events 2024-03-02`; the table's name alone if it has no days."""
        return f"{self.table.name} {day}" if self.table.daily else self.table.name


def publish_days(rows: DayRows, settings: Settings, store: Store, now: datetime) -> PublishResult:
    """Stage the rows, check each day, publish the days that pass and record every verdict.

    A refused day keeps the rows that readers see. Raises LakeError if staging or publishing fails; then nothing was
    published.
    """
    stage = iceberg.write(rows.frame, rows.table, rows.days)
    staged = iceberg.read_staged(rows.frame.sparkSession, stage)
    inputs = rows.inputs(staged) if callable(rows.inputs) else rows.inputs
    checked = _check_days(rows, staged, inputs, settings, store, now.date())
    refused = checked.gate_report.refusal_reasons()
    good_days = tuple(day for day in rows.days if str(day) not in refused)
    undelivered = inputs.get(UNDELIVERED, {})
    empty_days = tuple(day for day in good_days if undelivered.get(day) and checked.profile.at[day, "rows"] == 0)
    snapshot = iceberg.publish_stage(rows.frame.sparkSession, stage, good_days)
    records = _day_records(checked, empty_days, rows.sources)
    day_records.write_attempt(
        store, PublishAttempt(table=rows.table.name, attempt=stage.attempt, at=now, snapshot=snapshot, records=records)
    )
    published_days = tuple(day for day in good_days if day not in empty_days)
    return PublishResult(
        rows.table, published_days, refused, checked.gate_report, checked.profile, snapshot, empty_days
    )


def publish_unpartitioned(
    frame: DataFrame, table: Table, collect_inputs: Callable[[DataFrame], Mapping[str, object]], settings: Settings
) -> PublishResult:
    """Stage, check and publish a table that has no days. Raises LakeError like `publish_days`.

    collect_inputs: returns further columns of the profile from the staged rows.
    """
    stage = iceberg.write(frame, table)
    staged = iceberg.read_staged(frame.sparkSession, stage)
    table_profile = add_index_columns(profile_stage(staged, table).join(_inputs_frame(table, collect_inputs(staged))))
    gate_report = check_rules(table.name, table_profile, suite(table.name, settings))
    refused = gate_report.refusal_reasons()
    snapshot = None if refused else iceberg.publish_stage(frame.sparkSession, stage)
    return PublishResult(table, (), refused, gate_report, table_profile, snapshot)


@dataclass(frozen=True)
class _CheckedDays:
    """The profile of the staged days, the gate's report on it, and the ids that other days hold, too."""

    profile: "pd.DataFrame"
    gate_report: GateReport
    overlaps: Overlaps


def _check_days(
    rows: DayRows, staged: DataFrame, inputs: GateInputs, settings: Settings, store: Store, today: date
) -> _CheckedDays:
    table, rules = rows.table, suite(rows.table.name, settings)
    profile_inputs = {name: column for name, column in inputs.items() if name != UNDELIVERED}
    day_profile = add_derived_columns(profile_stage(staged, table, rows.days), profile_inputs)
    if table == EVENTS:
        day_profile = add_day_comparison(day_profile, staged, rules, settings, store, today)
    if rows.count_overlaps is None:
        return _CheckedDays(day_profile, check_rules(table.name, day_profile, rules), {})
    return _CheckedDays(*check_with_overlaps(table.name, day_profile, rules, partial(rows.count_overlaps, staged)))


def _inputs_frame(table: Table, inputs: Mapping[str, object]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame([dict(inputs)], index=pd.Index([table.name], name="table"))


def _day_records(
    checked: _CheckedDays, empty_days: Collection[date], sources: UpstreamAttempts
) -> tuple[DayRecord, ...]:
    counts = checked.profile.select_dtypes("integer").to_dict("index")
    refused = checked.gate_report.refusal_reasons()
    return tuple(
        DayRecord(
            day=day,
            verdict="refused" if str(day) in refused else "empty" if day in empty_days else "published",
            counts={str(name): int(value) for name, value in counts[day].items()},
            why=tuple(refused.get(str(day), ())),
            sources=dict(sources.get(day, {})),
            published_in=tuple(sorted(checked.overlaps.get(day, ()))),
        )
        for day in checked.profile.index
    )
