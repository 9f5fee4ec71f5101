"""What became of each landing day: the rows that readers see of it, and why its last run was refused, if it was."""

from dataclasses import dataclass
from datetime import date

from freshet.days import DayRecord, read, visible
from freshet.store import Store


@dataclass(frozen=True)
class DayAccount:
    """One landing day.

    record: what readers see of the day; where it was never published, what its last run counted. refusal: why its last
    run was refused, empty where it was not. Of a day that is published all the same, readers see an earlier run.
    """

    record: DayRecord
    refusal: tuple[str, ...] = ()

    @property
    def seen_from_before(self) -> bool:
        """Whether readers see an earlier run of the day than the last one, which was refused."""
        return bool(self.refusal) and self.record.verdict != "refused"


def day_accounts(store: Store) -> list[DayAccount]:
    """Every day that has been run, in order; one whose files could not be read, too."""
    unread = {day: record for day, record in read(store, "raw_events").items() if record.verdict == "refused"}
    last, seen = read(store, "events"), {day: entry.record for day, entry in visible(store, "events").items()}
    return [_account(day, unread.get(day), last.get(day), seen.get(day)) for day in sorted({*unread, *last})]


def _account(day: date, unread: DayRecord | None, last: DayRecord | None, seen: DayRecord | None) -> DayAccount:
    if unread is not None:
        # Nothing of the day was read: the counts of a run that came after it are of older rows.
        return DayAccount(seen or DayRecord(day=day, verdict="refused", counts={}), unread.why)
    assert last is not None
    return DayAccount(seen or last, last.why if last.verdict == "refused" else ())
