"""The landing days that a run speaks for, as its tags say: Dagster's range of partitions, less the days in between."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

FIRST: Final = "dagster/asset_partition_range_start"
LAST: Final = "dagster/asset_partition_range_end"
PARTITION: Final = "dagster/partition"
DAYS: Final = "freshet/days"  # where not every day of the range is run: those that are
TO: Final = "..."  # between the first and the last of neighbouring days, as in `--partition-range`


def range_tags(days: Sequence[date]) -> dict[str, str]:
    """What makes a run speak for these days, in order. Dagster knows ranges only: a tag of ours leaves out the gaps."""
    whole = {FIRST: days[0].isoformat(), LAST: days[-1].isoformat()}
    groups = neighbours(days)
    return whole if len(groups) == 1 else {**whole, DAYS: " ".join(map(_text, groups))}


def days_of(tags: Mapping[str, str]) -> list[date]:
    """The days that a run with these tags speaks for."""
    if DAYS in tags:
        return [day for text in tags[DAYS].split() for day in _between(*text.split(TO))]
    first, last = tags.get(FIRST, tags.get(PARTITION)), tags.get(LAST, tags.get(PARTITION))
    return [] if first is None or last is None else _between(first, last)


def neighbours(days: Iterable[date]) -> list[tuple[date, ...]]:
    """The days in groups without a gap: only days next to each other in the calendar are a range."""
    groups: list[list[date]] = []
    for day in sorted(set(days)):
        if groups and day - groups[-1][-1] == timedelta(days=1):
            groups[-1].append(day)
        else:
            groups.append([day])
    return [tuple(group) for group in groups]


def _text(group: Sequence[date]) -> str:
    return str(group[0]) if len(group) == 1 else f"{group[0]}{TO}{group[-1]}"


def _between(first: str, last: str = "") -> list[date]:
    begin, end = date.fromisoformat(first), date.fromisoformat(last or first)
    return [begin + timedelta(days=number) for number in range((end - begin).days + 1)]
