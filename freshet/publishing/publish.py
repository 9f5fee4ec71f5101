"""A frame on its way to its readers: staged, judged, and published day by day as far as it passed."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame

from freshet.data.day_numbers import day_number
from freshet.gates.judging import check_rules
from freshet.gates.rules import GateReport
from freshet.gates.suites import suite
from freshet.publishing.adjacent_days import OverlapCounts, judge_with_overlaps
from freshet.publishing.anomaly_profile import add_day_comparison
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
GateInputsSource = GateInputs | Callable[[DataFrame], GateInputs]  # known beforehand, or made of the staged rows
OverlapCounter = Callable[
    [DataFrame, Collection[date]], Overlaps
]  # (staged rows, days refused so far) → see `overlaps`


@dataclass(frozen=True)
class PublishResult:
    """What became of a frame. `refused` maps the day (or the table's name) to the reasons.

    Every day is in one of three: `published`, `refused`, or `empty`, which is a day without a delivery.
    along: days that the run did not ask for, with the reason why they were made again. notes: what else a reader of the
    run should know.
    """

    table: Table
    published: tuple[date, ...]
    refused: Mapping[str, Sequence[str]]
    gate_report: GateReport
    profile: "pd.DataFrame"
    snapshot: int | None
    empty: tuple[date, ...] = ()
    cleared_days: tuple[date, ...] = ()  # of `empty`, the days that an orchestrator still holds for published
    added_days: Mapping[date, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Rows that became visible."""
        if not self.table.daily:
            return 0 if self.refused else int(self.profile["rows"].iloc[0])
        return int(self.profile["rows"][self.profile.index.isin(self.published)].sum())

    def message(self) -> str:
        """One line per refusal: `events 2024-03-02: 17 of 90 rows …; fix …`."""
        lines = [f"{self.subject(day)}: {reason}" for day, reasons in self.refused.items() for reason in reasons]
        return "\n".join(lines)

    def subject(self, day: str) -> str:
        """`events 2024-03-02`; the table's name alone where it has no days."""
        return f"{self.table.name} {day}" if self.table.daily else self.table.name


def publish_days(
    frame: DataFrame,
    table: Table,
    days: Sequence[date],
    inputs: GateInputsSource,
    settings: Settings,
    store: Store,
    now: datetime,
    sources: UpstreamAttempts | None = None,
    count_overlaps: OverlapCounter | None = None,
) -> PublishResult:
    """Stage the frame, judge each day, publish the good ones, record every verdict. Bad days change nothing.

    facts: further columns of the profile, what the stage itself cannot know, or a function that makes them of the
    stage; `undelivered` is none of them but says which days are empty: a day without a delivery loses the rows that
    readers saw of it. sources: what each day was made from, for its record. across: how the stage is held against the
    days beside it. Raises LakeError when staging or publishing fails; then nothing was published.
    """
    stage = iceberg.write(frame, table, days)
    staged, rules = iceberg.read_staged(frame.sparkSession, stage), suite(table.name, settings)
    gate_inputs_by_name = inputs(staged) if callable(inputs) else inputs
    profile_inputs = {name: column for name, column in gate_inputs_by_name.items() if name != UNDELIVERED}
    day_profile = add_derived_columns(profile_stage(staged, table, days), profile_inputs)
    if table == EVENTS:
        day_profile = add_day_comparison(day_profile, staged, rules, settings, store, now.date())
    overlap_days: OverlapCounts = {}
    if count_overlaps is None:
        gate_report = check_rules(table.name, day_profile, rules)
    else:
        day_profile, gate_report, overlap_days = judge_with_overlaps(
            table.name, day_profile, rules, partial(count_overlaps, staged)
        )
    refused = gate_report.refusal_reasons()
    good_days = tuple(day for day in days if str(day) not in refused)
    empty_days = tuple(
        day
        for day in good_days
        if gate_inputs_by_name.get(UNDELIVERED, {}).get(day) and day_profile.at[day, "rows"] == 0
    )
    snapshot = iceberg.publish(frame.sparkSession, stage, good_days)
    records = _day_records(day_profile, refused, empty_days, sources or {}, overlap_days)
    day_records.write_attempt(
        store, PublishAttempt(table=table.name, attempt=stage.attempt, at=now, snapshot=snapshot, records=records)
    )
    published_days = tuple(day for day in good_days if day not in empty_days)
    return PublishResult(table, published_days, refused, gate_report, day_profile, snapshot, empty_days)


def publish_unpartitioned(
    frame: DataFrame, table: Table, collect_inputs: Callable[[DataFrame], Mapping[str, object]], settings: Settings
) -> PublishResult:
    """Stage, judge and publish a table that has no days. Raises LakeError like `publish_days`.

    facts: further columns of the profile, from the staged rows.
    """
    stage = iceberg.write(frame, table)
    staged = iceberg.read_staged(frame.sparkSession, stage)
    table_profile = add_index_columns(profile_stage(staged, table).join(_inputs_frame(table, collect_inputs(staged))))
    gate_report = check_rules(table.name, table_profile, suite(table.name, settings))
    refused = gate_report.refusal_reasons()
    snapshot = None if refused else iceberg.publish(frame.sparkSession, stage)
    return PublishResult(table, (), refused, gate_report, table_profile, snapshot)


def add_derived_columns(day_profile: "pd.DataFrame", inputs: GateInputs) -> "pd.DataFrame":
    """The profile with the facts beside it, and what follows from the two.

    off = |counted − expected|; silent_files = files − files_read; skipped_share = skipped / rows;
    lost = |landed − skipped − quarantined − duplicate − rows|;
    bad_share = quarantined / (landed − skipped), empty where nothing landed.
    """
    import pandas as pd

    day_profile = day_profile.copy()
    for name, by_day in inputs.items():
        day_profile[name] = pd.Series(
            [by_day[day] for day in day_profile.index], index=day_profile.index, dtype=object
        ).infer_objects()
    if "expected" in day_profile:
        counted = day_profile["counted"] if "counted" in day_profile else day_profile["rows"]
        day_profile = day_profile.assign(off=(counted - day_profile["expected"]).abs())
    if "untitled" in day_profile:
        day_profile = day_profile.assign(untitled_share=_ratio(day_profile["untitled"], day_profile["rows"]))
    if "files_read" in day_profile:
        # A broken file's day was not read at all: it is not silent on top.
        silent_files = (day_profile["files"] - day_profile["files_read"]).where(day_profile["broken_files"] == 0, 0)
        day_profile = day_profile.assign(
            silent_files=silent_files, skipped_share=_ratio(day_profile["skipped"], day_profile["rows"])
        )
    if "landed" in day_profile:
        candidates = day_profile["landed"] - day_profile["skipped"]
        accounted = day_profile["quarantined"] + day_profile["duplicate"] + day_profile["rows"]
        day_profile = day_profile.assign(
            candidates=candidates,
            lost=(candidates - accounted).abs(),
            bad_share=_ratio(day_profile["quarantined"], candidates),
        )
    return _mask_missing_upstream(day_profile)


def _mask_missing_upstream(day_profile: "pd.DataFrame") -> "pd.DataFrame":
    """A day whose upstream is missing says that; that its counts cannot match either would only mislead."""
    if "upstream_missing" not in day_profile:
        return day_profile
    has_upstream = day_profile["upstream_missing"] == 0
    return day_profile.assign(
        **{name: day_profile[name].where(has_upstream, 0) for name in ("off", "lost") if name in day_profile}
    )


def add_index_columns(table_profile: "pd.DataFrame") -> "pd.DataFrame":
    """The profile of a table of indexes with what follows from it: gaps, unknown_items, late."""
    if "highest" in table_profile:
        gaps = (
            (table_profile["highest"] - table_profile["rows"]).abs()
            + (table_profile["lowest"] - 1).abs()
            + table_profile["shared_indexes"]
        )
        table_profile = table_profile.assign(gaps=gaps.where(table_profile["rows"] > 0, 0))
    if "highest_index" in table_profile:
        has_unknown_items = (table_profile["lowest_index"] < 1) | (
            table_profile["highest_index"] > table_profile["vocabulary"]
        )
        as_of = [day_number(date.fromisoformat(str(day))) for day in table_profile["as_of"]]
        table_profile = table_profile.assign(
            unknown_items=has_unknown_items.astype(int), late=(table_profile["latest_day"] > as_of).astype(int)
        )
    return table_profile


def _inputs_frame(table: Table, inputs: Mapping[str, object]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame([dict(inputs)], index=pd.Index([table.name], name="table"))


def _ratio(part: "pd.Series[int]", total: "pd.Series[int]") -> "pd.Series[float]":
    return (part / total).where(total > 0)


def _day_records(
    day_profile: "pd.DataFrame",
    refused: Mapping[str, Sequence[str]],
    empty_days: Collection[date],
    sources: UpstreamAttempts,
    overlap_days: OverlapCounts,
) -> tuple[DayRecord, ...]:
    counts = day_profile.select_dtypes("integer").to_dict("index")
    return tuple(
        DayRecord(
            day=day,
            verdict="refused" if str(day) in refused else "empty" if day in empty_days else "published",
            counts={str(name): int(value) for name, value in counts[day].items()},
            why=tuple(refused.get(str(day), ())),
            sources=dict(sources.get(day, {})),
            published_in=tuple(sorted(overlap_days.get(day, ()))),
        )
        for day in day_profile.index
    )
