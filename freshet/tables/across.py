"""Days judged together with the days beside them: what stays published of a refused day counts, too."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from freshet.gates.judging import judge
from freshet.gates.rules import Judgement, Rule
from freshet.tables.overlaps import Overlaps

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 3  # days named in a finding


Counts = Mapping[date, Mapping[date, int]]  # day → other day → event ids that stand in both


def judge_across(
    subject: str, profile: "pd.DataFrame", rules: Sequence[Rule], count: Callable[[Collection[date]], Overlaps]
) -> tuple["pd.DataFrame", Judgement, Counts]:
    """(The profile with `repeated_ids`, `counted_twice` and `counted_twice_where`, the judgement of it, the overlaps).

    count: overlaps of the stage without the days given, which are refused. Where a day is refused its old rows stay
    published, and another staged day may count one of their events again; so the rest is counted until no more day
    is refused. A day once refused stays refused.
    """
    found: dict[date, Mapping[date, int]] = {}
    refused: set[date] = set()
    while True:
        current = count(refused)
        found |= {day: current.get(day, {}) for day in profile.index if day not in refused}
        others = {day: {other: n for other, n in found[day].items() if other != day} for day in profile.index}
        profile = profile.assign(
            repeated_ids=[found[day].get(day, 0) for day in profile.index],
            counted_twice=[sum(counts.values()) for counts in others.values()],
            counted_twice_where=[_told(counts) for counts in others.values()],
        )
        judgement = judge(subject, profile, rules)
        bad = {date.fromisoformat(where) for where in judgement.bad()}
        if bad <= refused:
            return profile, judgement, others
        refused |= bad


def _told(others: Mapping[date, int]) -> str:
    shown = [f"{day} ({count})" for day, count in sorted(others.items())[:SHOWN]]
    more = f" and {len(others) - SHOWN} more days" if len(others) > SHOWN else ""
    return f"{', '.join(shown)}{more}"
