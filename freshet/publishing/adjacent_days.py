"""Check staged days for event ids that other days have, too; a refused day keeps its published rows."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from freshet.errors import first_few
from freshet.gates.check_rules import check_rules
from freshet.gates.rules import GateReport, Rule
from freshet.publishing.overlapping_ids import Overlaps

if TYPE_CHECKING:
    import pandas as pd

MAX_SHOWN_DAYS = 3  # days named in a message


def check_with_overlaps(
    subject: str, profile: "pd.DataFrame", rules: Sequence[Rule], count_overlaps: Callable[[Collection[date]], Overlaps]
) -> tuple["pd.DataFrame", GateReport, Overlaps]:
    """Return the profile with `repeated_ids`, `shared_ids` and `shared_ids_days`, its gate report, and the overlaps.

    count_overlaps: returns the overlaps of the staged days without the given refused days. A refused day keeps its
    published rows, and other staged days may contain events of them; so overlaps are counted again until no further
    day is refused. A refused day stays refused.
    """
    overlaps_by_day: dict[date, Mapping[date, int]] = {}
    refused: set[date] = set()
    while True:
        current_overlaps = count_overlaps(refused)
        overlaps_by_day |= {day: current_overlaps.get(day, {}) for day in profile.index if day not in refused}
        other_days = {
            day: {other: n for other, n in overlaps_by_day[day].items() if other != day} for day in profile.index
        }
        profile = profile.assign(
            repeated_ids=[overlaps_by_day[day].get(day, 0) for day in profile.index],
            shared_ids=[sum(counts.values()) for counts in other_days.values()],
            shared_ids_days=[_format_days(counts) for counts in other_days.values()],
        )
        gate_report = check_rules(subject, profile, rules)
        failed_days = {date.fromisoformat(where) for where in gate_report.refusal_reasons()}
        if failed_days <= refused:
            return profile, gate_report, other_days
        refused |= failed_days


def _format_days(other_days: Mapping[date, int]) -> str:
    return first_few([f"{day} ({count})" for day, count in sorted(other_days.items())], MAX_SHOWN_DAYS, noun="days")
