"""The landing days that a run speaks for, as its tags say: Dagster's range of partitions, less the days in between."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

RANGE_START_TAG: Final = "dagster/asset_partition_range_start"
RANGE_END_TAG: Final = "dagster/asset_partition_range_end"
PARTITION_TAG: Final = "dagster/partition"
DAYS_TAG: Final = "freshet/days"  # where not every day of the range is run: those that are
RANGE_SEPARATOR: Final = "..."  # between the first and the last of neighbouring days, as in `--partition-range`


def range_tags(days: Sequence[date]) -> dict[str, str]:
    """What makes a run speak for these days, in order. Dagster knows ranges only: a tag of ours leaves out the gaps."""
    tags = {RANGE_START_TAG: days[0].isoformat(), RANGE_END_TAG: days[-1].isoformat()}
    ranges = contiguous_ranges(days)
    return tags if len(ranges) == 1 else {**tags, DAYS_TAG: " ".join(map(_format_range, ranges))}


def days_from_tags(tags: Mapping[str, str]) -> list[date]:
    """The days that a run with these tags speaks for."""
    if DAYS_TAG in tags:
        return [day for text in tags[DAYS_TAG].split() for day in _days_between(*text.split(RANGE_SEPARATOR))]
    first, last = tags.get(RANGE_START_TAG, tags.get(PARTITION_TAG)), tags.get(RANGE_END_TAG, tags.get(PARTITION_TAG))
    return [] if first is None or last is None else _days_between(first, last)


def contiguous_ranges(days: Iterable[date]) -> list[tuple[date, ...]]:
    """The days in groups without a gap: only days next to each other in the calendar are a range."""
    ranges: list[list[date]] = []
    for day in sorted(set(days)):
        if ranges and day - ranges[-1][-1] == timedelta(days=1):
            ranges[-1].append(day)
        else:
            ranges.append([day])
    return [tuple(group) for group in ranges]


def _format_range(days: Sequence[date]) -> str:
    return str(days[0]) if len(days) == 1 else f"{days[0]}{RANGE_SEPARATOR}{days[-1]}"


def _days_between(first: str, last: str = "") -> list[date]:
    start, end = date.fromisoformat(first), date.fromisoformat(last or first)
    return [start + timedelta(days=number) for number in range((end - start).days + 1)]
