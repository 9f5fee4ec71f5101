"""The verdict of every table and day: what was published, what was refused and why. Written once, never changed.

`days/<table>/<first>_<last>_<time>_<attempt>.json` holds one attempt. Readers need no Spark and open only the
files whose days they ask for.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from freshet.store import Store

STAMP: Final = "%Y%m%dT%H%M%S%f"


class DayRecord(BaseModel):
    """One table, one landing day, one attempt."""

    model_config = ConfigDict(frozen=True)

    day: date
    verdict: Literal["published", "refused"]
    counts: dict[str, int]
    why: tuple[str, ...] = ()


class Attempt(BaseModel):
    """Everything one attempt decided about a table."""

    model_config = ConfigDict(frozen=True)

    table: str
    attempt: str
    at: datetime
    snapshot: int | None
    records: tuple[DayRecord, ...]


def write(store: Store, attempt: Attempt) -> None:
    """Keep the attempt. Raises LakeError when the disk is full."""
    days = [record.day for record in attempt.records]
    stamp = attempt.at.strftime(STAMP)
    name = f"{min(days)}_{max(days)}_{stamp}_{attempt.attempt}.json"
    store.put_if_absent(f"days/{attempt.table}/{name}", attempt.model_dump_json().encode())


def read(store: Store, table: str, days: Iterable[date] | None = None) -> dict[date, DayRecord]:
    """The latest record of every day that has one; of the given days only, where given."""
    wanted = None if days is None else set(days)
    latest: dict[date, DayRecord] = {}
    for path in sorted(_paths(store, table, wanted), key=lambda p: p.rsplit("_", 2)[1]):
        for record in Attempt.model_validate_json(store.get(path)).records:
            if wanted is None or record.day in wanted:
                latest[record.day] = record
    return dict(sorted(latest.items()))


def last_published(store: Store, table: str, today: date | None = None) -> date | None:
    """The last day of the table that was published with rows.

    today: a day that is not over counts only where there is no earlier one.
    """
    records = read(store, table).values()
    days = [r.day for r in records if r.verdict == "published" and r.counts["rows"] > 0]
    over = [day for day in days if day != today]
    return max(over or days, default=None)


def last_attempts(store: Store, table: str, days: Iterable[date]) -> dict[date, datetime]:
    """When each of the days was last tried, UTC, read from the names of the records; days never tried are left out."""
    wanted = set(days)
    found: dict[date, datetime] = {}
    for path in sorted(_paths(store, table, wanted), key=lambda p: p.rsplit("_", 2)[1]):
        at = datetime.strptime(path.rsplit("_", 2)[1], STAMP).replace(tzinfo=UTC)
        found |= {day: at for day in wanted if _first(path) <= day <= _last(path)}
    return found


def _paths(store: Store, table: str, wanted: set[date] | None) -> list[str]:
    paths = [path for path in store.list(f"days/{table}") if path.endswith(".json")]
    if wanted is None:
        return paths
    if not wanted:
        return []
    first, last = min(wanted), max(wanted)
    return [path for path in paths if _first(path) <= last and _last(path) >= first]


def _first(path: str) -> date:
    return date.fromisoformat(path.rsplit("/", 1)[1].split("_")[0])


def _last(path: str) -> date:
    return date.fromisoformat(path.rsplit("/", 1)[1].split("_")[1])
