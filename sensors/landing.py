"""Something landed: the days that it belongs to are run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

import dagster as dg
from pydantic import BaseModel, ConfigDict, Field

from freshet.arrivals import Arrival, LastRun, arrivals, differs, digest, landed_days, last_runs
from freshet.commands import LAND
from freshet.settings import Settings
from resources.lake import Lake
from resources.run_days import neighbours, range_tags
from sensors.runs import WHY, Job, days_under_way, next_key

NAME: Final = "landing"
SECONDS: Final = 5  # between two looks at the landing

# Days next to each other are one run. More stretches than this are one run as well, which leaves the days between them
# alone: a JVM and an import of everything for each of a hundred scattered days would cost hours.
MOST_RUNS: Final = 3
RECENT: Final = 3  # the last landing days, which are looked at every time
SWEEP: Final = timedelta(minutes=10)  # and all others so often: somebody may deliver an old day late


class Memory(BaseModel):
    """The sensor's cursor. It saves reading only: what was run stands in the lake."""

    model_config = ConfigDict(frozen=True)

    quiet: Mapping[date, str] = Field(default_factory=dict)  # day → digest of the files that its last run has seen
    swept: datetime | None = None  # when all days were last looked at


@dataclass(frozen=True)
class Stretch:
    """Days that are run together, in order."""

    days: tuple[date, ...]
    key: str
    why: str


@dataclass(frozen=True)
class Decision:
    """What to run, or why nothing is."""

    stretches: tuple[Stretch, ...]
    skip: str


@dataclass(frozen=True)
class Situation:
    """Everything the decision is made from."""

    days: Sequence[date]  # all that have landed
    landed: Mapping[date, Arrival]  # of the days that were looked at
    last: Mapping[date, LastRun]  # of the days that may be new
    under_way: Mapping[date, str]  # day → run
    quiet: Mapping[date, str]  # as remembered
    now: datetime

    def new(self) -> list[date]:
        """The days that hold something their last run has not seen."""
        return [
            day
            for day, arrival in self.landed.items()
            if self.quiet.get(day) != arrival.digest and differs(arrival, self.last.get(day))
        ]


def decide(situation: Situation, settings: Settings) -> Decision:
    """Which days to run: the new ones that can be run, are not being run, and were not run a moment ago."""
    reasons, ready = [], []
    for day in situation.new():
        reason = _reason(day, situation, settings)
        if reason:
            reasons.append(reason)
        else:
            ready.append(day)
    groups = neighbours(ready)
    if len(groups) > MOST_RUNS:
        groups = [tuple(ready)]
    found = tuple(_stretch(group, situation.landed) for group in groups)
    return Decision(found, "" if found else _nothing(situation, reasons))


def landing_sensor(job: Job, settings: Settings) -> dg.SensorDefinition:
    """The sensor that starts `job` for days on which something landed."""

    @dg.sensor(
        name=NAME,
        job=job,
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Runs the landing days that hold files which their last run has not seen.",
    )
    def landing(context: dg.SensorEvaluationContext, lake: dg.ResourceParam[Lake]) -> dg.SensorResult:
        memory = Memory.model_validate_json(context.cursor) if context.cursor else Memory()
        situation = look(lake, context.instance, memory, datetime.now(UTC))
        decision = decide(situation, settings)
        found, refused = _not_yet_asked(context.instance, decision)
        return dg.SensorResult(
            run_requests=[_request(stretch) for stretch in found],
            skip_reason=None if found else dg.SkipReason(decision.skip or refused),
            cursor=remembered(situation, memory).model_dump_json(),
        )

    return landing


def look(lake: Lake, instance: dg.DagsterInstance, memory: Memory, now: datetime) -> Situation:
    """The landing, the lake's records of the days that have changed, and the runs under way."""
    days = landed_days(lake.store)
    restless = [day for day in days if day not in memory.quiet or day in days[-RECENT:]]
    landed = arrivals(lake.store, None if _is_due(memory, now) else restless)
    changed = [day for day, arrival in landed.items() if memory.quiet.get(day) != arrival.digest]
    last = last_runs(lake.store, changed) if changed else {}
    return Situation(days, landed, last, days_under_way(instance), memory.quiet, now)


def remembered(situation: Situation, memory: Memory) -> Memory:
    """The days whose files their last run has seen, so that neither they nor their records are read at every tick."""
    new = set(situation.new())
    seen = {day: arrival.digest for day, arrival in situation.landed.items() if day not in new}
    kept = {day: known for day, known in memory.quiet.items() if day in situation.days and day not in situation.landed}
    swept = situation.now if _is_due(memory, situation.now) else memory.swept
    return Memory(quiet={**kept, **seen}, swept=swept)


def _is_due(memory: Memory, now: datetime) -> bool:
    """Whether all days are to be looked at again."""
    return memory.swept is None or now - memory.swept >= SWEEP


def _reason(day: date, situation: Situation, settings: Settings) -> str:
    """Why a new day is not run now; empty where it is."""
    if day < settings.first_day:
        return f"{day} lies before the first day of the shop, {settings.first_day} (FRESHET_FIRST_DAY)"
    if day > situation.now.date():
        return f"{day} has not begun yet"
    if day in situation.under_way:
        return f"{day} is being run ({situation.under_way[day][:8]})"
    arrived = situation.landed[day].latest
    if situation.now - arrived < timedelta(seconds=settings.quiet_seconds):
        return f"files of {day} are still arriving, the last at {arrived:%H:%M:%S} (FRESHET_QUIET_SECONDS)"
    last = situation.last.get(day)
    wait = timedelta(seconds=settings.landing_seconds)
    if last is not None and situation.now - last.at < wait:
        left = (last.at + wait - situation.now).total_seconds()
        return f"{day} was run a moment ago and is run again in {left:.0f} s (FRESHET_LANDING_SECONDS)"
    return ""


def _nothing(situation: Situation, reasons: list[str]) -> str:
    if reasons:
        more = f"; and {len(reasons) - 3} more days" if len(reasons) > 3 else ""
        return f"{'; '.join(reasons[:3])}{more}."
    if not situation.days:
        return f"Nothing has landed yet; `{LAND}` puts files there."
    return f"All {len(situation.days)} landed days have been run as they are, the last is {max(situation.days)}."


def _stretch(group: tuple[date, ...], landed: Mapping[date, Arrival]) -> Stretch:
    files = sum(sum(landed[day].files.values()) for day in group)
    number = len(neighbours(group))
    span = str(group[0]) if len(group) == 1 else f"{group[0]}…{group[-1]}"
    gaps = f" in {number} stretches" if number > 1 else ""
    key = f"{span} {digest(landed[day].digest for day in group)}"
    why = f"{len(group)} landing day{'s' * (len(group) > 1)} with news: {span}{gaps}, {files} file{'s' * (files > 1)}"
    return Stretch(group, key, why)


def _request(stretch: Stretch) -> dg.RunRequest:
    return dg.RunRequest(run_key=stretch.key, tags={**range_tags(stretch.days), WHY: stretch.why})


def _not_yet_asked(instance: dg.DagsterInstance, decision: Decision) -> tuple[list[Stretch], str]:
    """The stretches without a run for these very files, and what to say of the others."""
    found, said = [], []
    for stretch in decision.stretches:
        key, run = next_key(instance, NAME, stretch.key)
        if run is None:
            found.append(replace(stretch, key=key))
        else:
            said.append(
                f"run {run.run_id[:8]} of {stretch.key.split()[0]} ended as {run.status.value} and read other files "
                "than lie there; see its page, mend what it names, then run the days again by hand"
            )
    return found, f"{'; '.join(said)}."
