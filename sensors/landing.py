"""The landing sensor: run the landing days that have new files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

import dagster as dg
from pydantic import BaseModel, ConfigDict, Field

from freshet.commands import LAND_COMMAND
from freshet.ingest.pending_days import (
    LandedDay,
    LastIngest,
    has_new_files,
    landing_folder_days,
    last_ingests,
    scan_landing,
    short_digest,
)
from freshet.settings import Settings
from resources.lake import Lake
from resources.run_days import contiguous_ranges, range_tags
from sensors.runs import REASON_TAG, Job, active_days, next_run_key

SENSOR_NAME: Final = "landing"
INTERVAL_S: Final = 5

# Adjacent days are one run. More ranges than this are one run as well, without the days between them: starting a JVM
# and importing everything for each of a hundred scattered days would take hours.
MAX_RUNS: Final = 3
N_RECENT_DAYS: Final = 3  # the last landing days, which are scanned on every tick
FULL_SCAN_INTERVAL: Final = timedelta(minutes=10)  # all other days, for late deliveries


class SensorCursor(BaseModel):
    """The sensor's cursor, a cache: the lake's records say which files were read."""

    model_config = ConfigDict(frozen=True)

    ingested_digests: Mapping[date, str] = Field(
        default_factory=dict
    )  # day → digest of the files that its last run has read
    last_full_scan: datetime | None = None  # when all days were last scanned


@dataclass(frozen=True)
class DayRange:
    """Days that are run together, ascending."""

    days: tuple[date, ...]
    key: str
    reason: str


@dataclass(frozen=True)
class LandingDecision:
    """The runs to request, or the reason to skip."""

    day_ranges: tuple[DayRange, ...]
    skip_reason: str


@dataclass(frozen=True)
class LandingSensorInputs:
    """Everything that the decision is made from."""

    days: Sequence[date]  # all landing days
    landed: Mapping[date, LandedDay]  # of the scanned days
    last_ingests: Mapping[date, LastIngest]  # of the days whose files may be new
    active_runs: Mapping[date, str]  # day → run id
    ingested_digests: Mapping[date, str]  # of the cursor
    now: datetime

    def new_days(self) -> list[date]:
        """Return the days with files that their last run has not read."""
        return [
            day
            for day, arrival in self.landed.items()
            if self.ingested_digests.get(day) != arrival.digest and has_new_files(arrival, self.last_ingests.get(day))
        ]


def plan_runs(inputs: LandingSensorInputs, settings: Settings) -> LandingDecision:
    """Return the days to run: those with new files, without an active run and past the cooldown."""
    reasons, ready_days = [], []
    for day in inputs.new_days():
        reason = _wait_reason(day, inputs, settings)
        if reason:
            reasons.append(reason)
        else:
            ready_days.append(day)
    groups = contiguous_ranges(ready_days)
    if len(groups) > MAX_RUNS:
        groups = [tuple(ready_days)]
    day_ranges = tuple(_day_range(group, inputs.landed) for group in groups)
    return LandingDecision(day_ranges, "" if day_ranges else _skip_reason(inputs, reasons))


def landing_sensor(job: Job, settings: Settings) -> dg.SensorDefinition:
    """Build the sensor that requests `job` for days with new files."""

    @dg.sensor(
        name=SENSOR_NAME,
        job=job,
        minimum_interval_seconds=INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Runs the landing days with files that their last run has not read.",
    )
    def landing(context: dg.SensorEvaluationContext, lake: dg.ResourceParam[Lake]) -> dg.SensorResult:
        cursor = SensorCursor.model_validate_json(context.cursor) if context.cursor else SensorCursor()
        inputs = gather_inputs(lake, context.instance, cursor, datetime.now(UTC))
        decision = plan_runs(inputs, settings)
        pending, refusal = _pending_ranges(context.instance, decision)
        return dg.SensorResult(
            run_requests=[_run_request(day_range) for day_range in pending],
            skip_reason=None if pending else dg.SkipReason(decision.skip_reason or refusal),
            cursor=next_cursor(inputs, cursor).model_dump_json(),
        )

    return landing


def gather_inputs(lake: Lake, instance: dg.DagsterInstance, cursor: SensorCursor, now: datetime) -> LandingSensorInputs:
    """Scan the landing; read the lake's records of changed days and the active runs."""
    days = landing_folder_days(lake.store)
    days_to_scan = [day for day in days if day not in cursor.ingested_digests or day in days[-N_RECENT_DAYS:]]
    landed = scan_landing(lake.store, None if _is_full_scan_due(cursor, now) else days_to_scan)
    changed = [day for day, arrival in landed.items() if cursor.ingested_digests.get(day) != arrival.digest]
    ingests = last_ingests(lake.store, changed) if changed else {}
    return LandingSensorInputs(
        days=days,
        landed=landed,
        last_ingests=ingests,
        active_runs=active_days(instance),
        ingested_digests=cursor.ingested_digests,
        now=now,
    )


def next_cursor(inputs: LandingSensorInputs, cursor: SensorCursor) -> SensorCursor:
    """Return the cursor with the days whose files were read, which the next tick need not compare again."""
    new_days = set(inputs.new_days())
    scanned = {day: arrival.digest for day, arrival in inputs.landed.items() if day not in new_days}
    unscanned = {
        day: known_digest
        for day, known_digest in cursor.ingested_digests.items()
        if day in inputs.days and day not in inputs.landed
    }
    last_full_scan = inputs.now if _is_full_scan_due(cursor, inputs.now) else cursor.last_full_scan
    return SensorCursor(ingested_digests={**unscanned, **scanned}, last_full_scan=last_full_scan)


def _is_full_scan_due(cursor: SensorCursor, now: datetime) -> bool:
    """Whether all days must be scanned again."""
    return cursor.last_full_scan is None or now - cursor.last_full_scan >= FULL_SCAN_INTERVAL


def _wait_reason(day: date, inputs: LandingSensorInputs, settings: Settings) -> str:
    """Return why a day with new files is not run now; "" if it is."""
    if day < settings.first_day:
        return f"{day} is before the first day of the shop, {settings.first_day} (FRESHET_FIRST_DAY)"
    if day > inputs.now.date():
        return f"{day} is in the future"
    if day in inputs.active_runs:
        return f"{day} is running (run {inputs.active_runs[day][:8]})"
    last_change = inputs.landed[day].last_change
    if inputs.now - last_change < timedelta(seconds=settings.landing_quiet_period_s):
        return f"files of {day} are still arriving, the last at {last_change:%H:%M:%S} (FRESHET_LANDING_QUIET_PERIOD_S)"
    last_ingest = inputs.last_ingests.get(day)
    cooldown = timedelta(seconds=settings.day_rerun_cooldown_s)
    if last_ingest is not None and inputs.now - last_ingest.ended_at < cooldown:
        remaining_s = (last_ingest.ended_at + cooldown - inputs.now).total_seconds()
        return f"{day} was run recently and is run again in {remaining_s:.0f} s (FRESHET_DAY_RERUN_COOLDOWN_S)"
    return ""


def _skip_reason(inputs: LandingSensorInputs, reasons: list[str]) -> str:
    if reasons:
        more = f"; and {len(reasons) - 3} more days" if len(reasons) > 3 else ""
        return f"{'; '.join(reasons[:3])}{more}."
    if not inputs.days:
        return f"Nothing has landed yet; `{LAND_COMMAND}` puts files there."
    return f"All {len(inputs.days)} landed days have been run, the last is {max(inputs.days)}."


def _day_range(group: tuple[date, ...], landed: Mapping[date, LandedDay]) -> DayRange:
    files = sum(sum(landed[day].files.values()) for day in group)
    n_ranges = len(contiguous_ranges(group))
    span = str(group[0]) if len(group) == 1 else f"{group[0]}…{group[-1]}"
    gaps = f" in {n_ranges} ranges" if n_ranges > 1 else ""
    key = f"{span} {short_digest(landed[day].digest for day in group)}"
    days = f"{len(group)} landing day{'s' * (len(group) > 1)}"
    reason = f"{days} with new files: {span}{gaps}, {files} file{'s' * (files > 1)}"
    return DayRange(group, key, reason)


def _run_request(day_range: DayRange) -> dg.RunRequest:
    return dg.RunRequest(run_key=day_range.key, tags={**range_tags(day_range.days), REASON_TAG: day_range.reason})


def _pending_ranges(instance: dg.DagsterInstance, decision: LandingDecision) -> tuple[list[DayRange], str]:
    """Return the ranges without a run for these files, and a message about the others."""
    pending, messages = [], []
    for day_range in decision.day_ranges:
        key, run = next_run_key(instance, SENSOR_NAME, day_range.key)
        if run is None:
            pending.append(replace(day_range, key=key))
        else:
            messages.append(
                f"run {run.run_id[:8]} of {day_range.key.split()[0]} ended as {run.status.value} and has not read "
                "the files that are there now; see its page, fix what it names, then run the days again by hand"
            )
    return pending, f"{'; '.join(messages)}."
