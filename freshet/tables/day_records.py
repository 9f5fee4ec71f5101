"""Day records: the status of each table and landing day (published, refused with reasons, empty) with its counts.

`days/<table>/<first>_<last>_<time>_<attempt>.json` holds one attempt and never changes. Readers need no Spark and open
only the latest file of each requested day.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar, Final, Literal, NamedTuple

from pydantic import Field, field_validator

from freshet.artifacts import StoredModel
from freshet.store import Store

TIMESTAMP_FORMAT: Final = "%Y%m%dT%H%M%S%f"
# Count → its name in records of earlier versions: days are compared with such records, too.
FORMER_COUNT_NAMES: Final = {
    "distinct_times": "instants",
    "max_item_events": "largest_item",
    "max_shopper_events": "largest_shopper",
    "old_events": "late",
    "seen_item_events": "known_events",
    "seen_users": "known_users",
    "zero_prices": "free",
}


class DayRecord(StoredModel):
    """One table, one landing day, one attempt.

    verdict: `empty` is a day without a delivery: no file landed, so neither this table nor its downstream tables have
    rows of it. A day whose files held no event is `published` with no rows. (In older lakes both are `published`.)
    """

    former_names: ClassVar[Mapping[str, str]] = {"published_in": "counted_in"}

    day: date
    verdict: Literal["published", "refused", "empty"]
    counts: dict[str, int]
    why: tuple[str, ...] = ()
    sources: dict[str, str] = Field(default_factory=dict)  # upstream table → the attempt that this one was made from
    published_in: tuple[date, ...] = ()  # refused events: the other days whose published events are the same ones

    @field_validator("counts", mode="before")
    @classmethod
    def _rename_former_counts(cls, counts: Any) -> Any:
        if not isinstance(counts, Mapping):
            return counts
        new_names = {former: name for name, former in FORMER_COUNT_NAMES.items() if name not in counts}
        return {new_names.get(name, name): count for name, count in counts.items()}


class PublishAttempt(StoredModel):
    """The records of one attempt to publish days of a table."""

    table: str
    attempt: str
    at: datetime
    snapshot: int | None
    records: tuple[DayRecord, ...]

    def record_of(self, day: date) -> DayRecord | None:
        """Return the record of one day; None if the attempt has none."""
        return self._by_day.get(day)

    @cached_property
    def _by_day(self) -> dict[date, DayRecord]:
        return {record.day: record for record in self.records}


class DayEntry(NamedTuple):
    """A day's record and the attempt that wrote it."""

    attempt: str
    record: DayRecord


def write_attempt(store: Store, attempt: PublishAttempt) -> None:
    """Store the attempt. Raises LakeError if the disk is full."""
    days = [record.day for record in attempt.records]
    timestamp = attempt.at.strftime(TIMESTAMP_FORMAT)
    name = f"{min(days)}_{max(days)}_{timestamp}_{attempt.attempt}.json"
    store.put_if_absent(f"days/{attempt.table}/{name}", attempt.model_dump_json().encode())


def latest_records(store: Store, table: str, days: Iterable[date] | None = None) -> dict[date, DayRecord]:
    """Return the latest record of every day that has one, in the order of days; only of `days` if given."""
    return {day: entry.record for day, entry in latest_entries(store, table, days).items()}


def latest_entries(store: Store, table: str, days: Iterable[date] | None = None) -> dict[date, DayEntry]:
    """As `latest_records`, with the attempt that wrote each record."""
    entries = _iter_latest(store, _paths_by_day(store, table, None if days is None else set(days)))
    return {entry.record.day: entry for entry in reversed(list(entries))}


def visible_entries(store: Store, table: str, days: Iterable[date] | None = None) -> dict[date, DayEntry]:
    """Return what readers see of each day: its latest record that was not refused, in the order of days."""
    paths_by_day = _paths_by_day(store, table, None if days is None else set(days))
    entries = _iter_latest(store, paths_by_day, include_refused=False)
    return {entry.record.day: entry for entry in reversed(list(entries))}


def published_days(store: Store, table: str, after: date | None = None, until: date | None = None) -> Iterator[date]:
    """Yield the days that were published with rows, the last one first; only days later than `after`, up to `until`.

    A record is opened when its day is reached, so reading only the last days opens only a few.
    """
    attempts = _paths_by_day(store, table, None)
    paths_by_day = {d: p for d, p in attempts.items() if (after is None or d > after) and (until is None or d <= until)}
    records = (entry.record for entry in _iter_latest(store, paths_by_day))
    return (r.day for r in records if r.verdict == "published" and r.counts["rows"] > 0)


def last_published_day(store: Store, table: str, today: date | None = None) -> date | None:
    """Return the last day of the table that was published with rows.

    today: a day that is not over counts only if there is no earlier one.
    """
    days = published_days(store, table)
    last = next(days, None)
    return last if last is None or last != today else next(days, last)


def last_attempt_times(store: Store, table: str, days: Iterable[date]) -> dict[date, datetime]:
    """Return the time of each day's last attempt, UTC, from the records' names; days without one are left out."""
    day_set = set(days)
    times: dict[date, datetime] = {}
    for path in sorted(_attempt_paths(store, table, day_set), key=_timestamp):
        at = datetime.strptime(_timestamp(path), TIMESTAMP_FORMAT).replace(tzinfo=UTC)
        times |= {day: at for day in day_set if _first_day(path) <= day <= _last_day(path)}
    return times


def last_attempt(store: Store, table: str) -> PublishAttempt | None:
    """Return the table's last attempt; None before the first."""
    path = max(_attempt_paths(store, table, None), key=_timestamp, default=None)
    return None if path is None else PublishAttempt.model_validate_json(store.get(path))


def _iter_latest(
    store: Store, paths_by_day: Mapping[date, Sequence[str]], include_refused: bool = True
) -> Iterator[DayEntry]:
    """The latest record of each day, the last day first. A file is opened once, and only if no later one has the day.

    include_refused: whether a refused record counts.
    """
    attempts: dict[str, PublishAttempt] = {}
    for day in sorted(paths_by_day, reverse=True):
        for path in paths_by_day[day]:
            if path not in attempts:
                attempts[path] = PublishAttempt.model_validate_json(store.get(path))
            record = attempts[path].record_of(day)
            if record is not None and (include_refused or record.verdict != "refused"):
                yield DayEntry(attempts[path].attempt, record)
                break


def _paths_by_day(store: Store, table: str, days: set[date] | None) -> dict[date, list[str]]:
    """Day → the files that may have a record of it, the latest first, by their names alone."""
    paths: dict[date, list[str]] = defaultdict(list)
    for path in sorted(_attempt_paths(store, table, days), key=_timestamp, reverse=True):
        first, last = _first_day(path), _last_day(path)
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            if days is None or day in days:
                paths[day].append(path)
    return paths


def _attempt_paths(store: Store, table: str, days: set[date] | None) -> list[str]:
    paths = [path for path in store.list(f"days/{table}") if path.endswith(".json")]
    if days is None:
        return paths
    if not days:
        return []
    first, last = min(days), max(days)
    return [path for path in paths if _first_day(path) <= last and _last_day(path) >= first]


def _first_day(path: str) -> date:
    return date.fromisoformat(path.rsplit("/", 1)[1].split("_")[0])


def _last_day(path: str) -> date:
    return date.fromisoformat(path.rsplit("/", 1)[1].split("_")[1])


def _timestamp(path: str) -> str:
    """The part of a name that says when the record was written; its text sorts as its time."""
    return path.rsplit("_", 2)[1]
