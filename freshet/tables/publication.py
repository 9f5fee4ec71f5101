"""A frame on its way to its readers: staged, judged, and published day by day as far as it passed."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame

from freshet import days as day_records
from freshet.days import Attempt, DayRecord
from freshet.gates.judging import judge
from freshet.gates.rules import Judgement
from freshet.gates.suites import suite
from freshet.settings import Settings
from freshet.store import Store
from freshet.tables import lake
from freshet.tables.across import Counts, judge_across
from freshet.tables.facts import UNDELIVERED, Facts
from freshet.tables.overlaps import Overlaps
from freshet.tables.past_days import with_past
from freshet.tables.profiles import profile
from freshet.tables.schemas import EVENTS, Table

if TYPE_CHECKING:
    import pandas as pd

Sources = Mapping[date, Mapping[str, str]]  # day → upstream table → the attempt that the day was made from
StageFacts = Facts | Callable[[DataFrame], Facts]  # known beforehand, or made of the staged rows
Across = Callable[[DataFrame, Collection[date]], Overlaps]  # (staged rows, days refused so far) → see `overlaps`


@dataclass(frozen=True)
class Publication:
    """What became of a frame. `refused` maps the day (or the table's name) to the reasons.

    Every day is in one of three: `published`, `refused`, or `empty`, which is a day without a delivery.
    along: days that the run did not ask for, with the reason why they were made again. notes: what else a reader of the
    run should know.
    """

    table: Table
    published: tuple[date, ...]
    refused: Mapping[str, Sequence[str]]
    judgement: Judgement
    profile: "pd.DataFrame"
    snapshot: int | None
    empty: tuple[date, ...] = ()
    cleared: tuple[date, ...] = ()  # of `empty`, the days that an orchestrator still holds for published
    along: Mapping[date, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Rows that became visible."""
        if not self.table.daily:
            return 0 if self.refused else int(self.profile["rows"].iloc[0])
        return int(self.profile["rows"][self.profile.index.isin(self.published)].sum())

    def message(self) -> str:
        """One line per refusal: `events 2024-03-02: 17 of 90 rows …; fix …`."""
        lines = [f"{self.where(where)}: {reason}" for where, why in self.refused.items() for reason in why]
        return "\n".join(lines)

    def where(self, where: str) -> str:
        """`events 2024-03-02`; the table's name alone where it has no days."""
        return f"{self.table.name} {where}" if self.table.daily else self.table.name


def publish_days(
    frame: DataFrame,
    table: Table,
    days: Sequence[date],
    facts: StageFacts,
    settings: Settings,
    store: Store,
    now: datetime,
    sources: Sources | None = None,
    across: Across | None = None,
) -> Publication:
    """Stage the frame, judge each day, publish the good ones, record every verdict. Bad days change nothing.

    facts: further columns of the profile, what the stage itself cannot know, or a function that makes them of the
    stage; `undelivered` is none of them but says which days are empty: a day without a delivery loses the rows that
    readers saw of it. sources: what each day was made from, for its record. across: how the stage is held against the
    days beside it. Raises LakeError when staging or publishing fails; then nothing was published.
    """
    stage = lake.write(frame, table, days)
    staged, rules = lake.staged(frame.sparkSession, stage), suite(table.name, settings)
    beside = facts(staged) if callable(facts) else facts
    known = {name: column for name, column in beside.items() if name != UNDELIVERED}
    seen = derived(profile(staged, table, days), known)
    if table == EVENTS:
        seen = with_past(seen, staged, rules, settings, store, now.date())
    others: Counts = {}
    if across is None:
        judgement = judge(table.name, seen, rules)
    else:
        seen, judgement, others = judge_across(table.name, seen, rules, partial(across, staged))
    refused = judgement.bad()
    good = tuple(day for day in days if str(day) not in refused)
    empty = tuple(day for day in good if beside.get(UNDELIVERED, {}).get(day) and seen.at[day, "rows"] == 0)
    snapshot = lake.publish(frame.sparkSession, stage, good)
    records = _records(seen, refused, empty, sources or {}, others)
    day_records.write(
        store, Attempt(table=table.name, attempt=stage.attempt, at=now, snapshot=snapshot, records=records)
    )
    published = tuple(day for day in good if day not in empty)
    return Publication(table, published, refused, judgement, seen, snapshot, empty)


def publish_whole(
    frame: DataFrame, table: Table, facts: Callable[[DataFrame], Mapping[str, object]], settings: Settings
) -> Publication:
    """Stage, judge and publish a table that has no days. Raises LakeError like `publish_days`.

    facts: further columns of the profile, from the staged rows.
    """
    stage = lake.write(frame, table)
    staged = lake.staged(frame.sparkSession, stage)
    seen = indexed(profile(staged, table).join(_beside(table, facts(staged))))
    judgement = judge(table.name, seen, suite(table.name, settings))
    refused = judgement.bad()
    snapshot = None if refused else lake.publish(frame.sparkSession, stage)
    return Publication(table, (), refused, judgement, seen, snapshot)


def derived(seen: "pd.DataFrame", facts: Facts) -> "pd.DataFrame":
    """The profile with the facts beside it, and what follows from the two.

    off = |counted − expected|; silent_files = files − files_read; skipped_share = skipped / rows;
    lost = |landed − skipped − quarantined − duplicate − rows|;
    bad_share = quarantined / (landed − skipped), empty where nothing landed.
    """
    import pandas as pd

    seen = seen.copy()
    for name, by_day in facts.items():
        seen[name] = pd.Series([by_day[day] for day in seen.index], index=seen.index, dtype=object).infer_objects()
    if "expected" in seen:
        counted = seen["counted"] if "counted" in seen else seen["rows"]
        seen = seen.assign(off=(counted - seen["expected"]).abs())
    if "untitled" in seen:
        seen = seen.assign(untitled_share=_share(seen["untitled"], seen["rows"]))
    if "files_read" in seen:
        # A broken file's day was not read at all: it is not silent on top.
        silent = (seen["files"] - seen["files_read"]).where(seen["broken_files"] == 0, 0)
        seen = seen.assign(silent_files=silent, skipped_share=_share(seen["skipped"], seen["rows"]))
    if "landed" in seen:
        candidates = seen["landed"] - seen["skipped"]
        accounted = seen["quarantined"] + seen["duplicate"] + seen["rows"]
        seen = seen.assign(
            candidates=candidates,
            lost=(candidates - accounted).abs(),
            bad_share=_share(seen["quarantined"], candidates),
        )
    return _without_echo(seen)


def _without_echo(seen: "pd.DataFrame") -> "pd.DataFrame":
    """A day whose upstream is missing says that; that its counts cannot match either would only mislead."""
    if "upstream_missing" not in seen:
        return seen
    built = seen["upstream_missing"] == 0
    return seen.assign(**{name: seen[name].where(built, 0) for name in ("off", "lost") if name in seen})


def indexed(seen: "pd.DataFrame") -> "pd.DataFrame":
    """The profile of a table of indexes with what follows from it: gaps, unknown_items, late."""
    if "highest" in seen:
        gaps = (seen["highest"] - seen["rows"]).abs() + (seen["lowest"] - 1).abs() + seen["shared_indexes"]
        seen = seen.assign(gaps=gaps.where(seen["rows"] > 0, 0))
    if "highest_index" in seen:
        unknown = (seen["lowest_index"] < 1) | (seen["highest_index"] > seen["vocabulary"])
        as_of = [(date.fromisoformat(str(day)) - date(1970, 1, 1)).days for day in seen["as_of"]]
        seen = seen.assign(unknown_items=unknown.astype(int), late=(seen["latest_day"] > as_of).astype(int))
    return seen


def _beside(table: Table, facts: Mapping[str, object]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame([dict(facts)], index=pd.Index([table.name], name="table"))


def _share(part: "pd.Series[int]", whole: "pd.Series[int]") -> "pd.Series[float]":
    return (part / whole).where(whole > 0)


def _records(
    seen: "pd.DataFrame",
    refused: Mapping[str, Sequence[str]],
    empty: Collection[date],
    sources: Sources,
    others: Counts,
) -> tuple[DayRecord, ...]:
    counts = seen.select_dtypes("integer").to_dict("index")
    return tuple(
        DayRecord(
            day=day,
            verdict="refused" if str(day) in refused else "empty" if day in empty else "published",
            counts={str(name): int(value) for name, value in counts[day].items()},
            why=tuple(refused.get(str(day), ())),
            sources=dict(sources.get(day, {})),
            counted_in=tuple(sorted(others.get(day, ()))),
        )
        for day in seen.index
    )
