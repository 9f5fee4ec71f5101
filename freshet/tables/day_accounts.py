"""What became of each landing day: the rows that readers see of it, and why its last run was refused, if it was."""

from dataclasses import dataclass
from datetime import date

from freshet.store import Store
from freshet.tables.day_records import DayRecord, latest_records, visible_entries


@dataclass(frozen=True)
class DayStatus:
    """One landing day.

    record: what readers see of the day; where it was never published, what its last run counted. refusal: why its last
    run was refused, empty where it was not. Of a day that is published all the same, readers see an earlier run.
    """

    record: DayRecord
    refusal_reasons: tuple[str, ...] = ()

    @property
    def shows_earlier_run(self) -> bool:
        """Whether readers see an earlier run of the day than the last one, which was refused."""
        return bool(self.refusal_reasons) and self.record.verdict != "refused"


def day_statuses(store: Store) -> list[DayStatus]:
    """Every day that has been run, in order; one whose files could not be read, too."""
    unreadable = {
        day: record for day, record in latest_records(store, "raw_events").items() if record.verdict == "refused"
    }
    last, visible_records = (
        latest_records(store, "events"),
        {day: entry.record for day, entry in visible_entries(store, "events").items()},
    )
    return [
        _day_status(day, unreadable.get(day), last.get(day), visible_records.get(day))
        for day in sorted({*unreadable, *last})
    ]


def _day_status(
    day: date, unreadable: DayRecord | None, last: DayRecord | None, visible_record: DayRecord | None
) -> DayStatus:
    if unreadable is not None:
        # Nothing of the day was read: the counts of a run that came after it are of older rows.
        return DayStatus(visible_record or DayRecord(day=day, verdict="refused", counts={}), unreadable.why)
    assert last is not None
    return DayStatus(visible_record or last, last.why if last.verdict == "refused" else ())
