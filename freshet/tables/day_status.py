"""The status of each landing day: the rows that readers see, and the reasons if its last run was refused."""

from dataclasses import dataclass
from datetime import date

from freshet.store import Store
from freshet.tables.day_records import DayRecord, latest_records, visible_entries


@dataclass(frozen=True)
class DayStatus:
    """One landing day.

    record: of the run that readers see; of the last run if none was published. refusal_reasons: why the last run was
    refused; empty if it was not. If the day is published all the same, readers see an earlier run.
    """

    record: DayRecord
    refusal_reasons: tuple[str, ...] = ()

    @property
    def shows_earlier_run(self) -> bool:
        """Whether the last run was refused and readers see an earlier one."""
        return bool(self.refusal_reasons) and self.record.verdict != "refused"


def day_statuses(store: Store) -> list[DayStatus]:
    """Return the status of every day that has been run, in order, days with unreadable files included."""
    raw_records, last_records = latest_records(store, "raw_events"), latest_records(store, "events")
    unreadable = {day: record for day, record in raw_records.items() if record.verdict == "refused"}
    visible_records = {day: entry.record for day, entry in visible_entries(store, "events").items()}
    return [
        _day_status(day, unreadable.get(day), last_records.get(day), visible_records.get(day))
        for day in sorted({*unreadable, *last_records})
    ]


def _day_status(
    day: date, unreadable: DayRecord | None, last: DayRecord | None, visible_record: DayRecord | None
) -> DayStatus:
    if unreadable is not None:
        # No file of the day was read: the counts of a later run of events are those of older rows.
        return DayStatus(visible_record or DayRecord(day=day, verdict="refused", counts={}), unreadable.why)
    assert last is not None
    return DayStatus(visible_record or last, last.why if last.verdict == "refused" else ())
