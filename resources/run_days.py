"""The landing days of a run, as tags: Dagster's partition range, without the days that are not run."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

RANGE_START_TAG: Final = "dagster/asset_partition_range_start"
RANGE_END_TAG: Final = "dagster/asset_partition_range_end"
PARTITION_TAG: Final = "dagster/partition"
DAYS_TAG: Final = "freshet/days"  # the days that are run, if not all of the range
RANGE_SEPARATOR: Final = "..."  # between first and last day, as in `--partition-range`


def range_tags(days: Sequence[date]) -> dict[str, str]:
    """Return the tags of a run over these days, ascending; DAYS_TAG lists them if the range has gaps."""
    tags = {RANGE_START_TAG: days[0].isoformat(), RANGE_END_TAG: days[-1].isoformat()}
    ranges = contiguous_ranges(days)
    return tags if len(ranges) == 1 else {**tags, DAYS_TAG: " ".join(map(_format_range, ranges))}


def days_from_tags(tags: Mapping[str, str]) -> list[date]:
    """Return the days of a run with these tags."""
    if DAYS_TAG in tags:
        return [day for text in tags[DAYS_TAG].split() for day in _days_between(*text.split(RANGE_SEPARATOR))]
    first, last = tags.get(RANGE_START_TAG, tags.get(PARTITION_TAG)), tags.get(RANGE_END_TAG, tags.get(PARTITION_TAG))
    return [] if first is None or last is None else _days_between(first, last)


def contiguous_ranges(days: Iterable[date]) -> list[tuple[date, ...]]:
    """Return the days in ascending groups of consecutive days."""
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
