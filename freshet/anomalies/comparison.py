"""Compare each staged day with the days before it, in order: a day that passes is a reference day of the next."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, NamedTuple

from freshet.anomalies.absolute_bounds import ABSOLUTE_BOUNDS, add_derived_counts
from freshet.anomalies.acceptance import Acceptance, is_accepted, level_shift_days
from freshet.anomalies.limits import Limit
from freshet.anomalies.metrics import DAY_METRICS, MAX_FACTOR, MIN_EVENTS, Counts
from freshet.anomalies.reference_value import MIN_WEEKLY_DAYS, DailyCounts, deviation_factor, reference_value

MIN_DAY_PROGRESS: Final = 0.3  # share of the usual events from which the shares of a day that is not over are compared
MIN_SEEN_DAYS: Final = 2  # published days from which items and users seen before are counted

CountsByFirstDay = Mapping[date, Mapping[date, int]]  # day → first day → count


@dataclass(frozen=True)
class FirstSeenCounts:
    """Counts of a day's events and users by the day on which they were first seen; empty if that is not known."""

    item_events: CountsByFirstDay = field(default_factory=dict)
    users: CountsByFirstDay = field(default_factory=dict)
    renamed_items: CountsByFirstDay = field(default_factory=dict)


@dataclass(frozen=True)
class ComparisonConfig:
    """Limits per check, length of the reference window in days, acceptances, and the present day."""

    limits: Mapping[str, Limit | None]
    window_days: int
    acceptances: Collection[Acceptance]
    today: date


@dataclass(frozen=True)
class DayComparison:
    """The comparison of a day. factors: check → deviation factor, 1 if nothing is unusual; messages: check → reason."""

    counts: dict[str, int]  # counts of items and users seen before, for the day record
    factors: dict[str, float]
    messages: dict[str, str]
    accepted: bool


class Deviation(NamedTuple):
    """A deviation of a day: the check that it belongs to, its factor and its message."""

    check: str
    factor: float
    message: str


def compare_days(
    staged: Mapping[date, Counts],
    published: DailyCounts,
    first_seen: FirstSeenCounts,
    config: ComparisonConfig,
    passes_other_rules: Callable[[date], bool],
) -> dict[date, DayComparison]:
    """Return the comparison of every staged day, in order.

    published: the counts of the days published before; staged days are not among them. passes_other_rules: whether the
    other rules of the gate let a day pass.
    """
    reference_days, refused = dict(published), set[date]()
    results: dict[date, DayComparison] = {}
    for day in sorted(staged):
        window = _reference_window(day, reference_days, config)
        seen_counts = _seen_counts(day, first_seen, refused) if len(window) >= MIN_SEEN_DAYS else {}
        counts = add_derived_counts({**staged[day], **seen_counts})
        factors, messages = _measure_deviations(day, counts, window, config)
        is_day_accepted = is_accepted(day, config.acceptances)
        results[day] = DayComparison(seen_counts, factors, messages, is_day_accepted)
        if passes_other_rules(day) and (is_day_accepted or not _is_refused(factors, config)):
            if counts.get("rows", 0) > 0:
                reference_days[day] = {**staged[day], **seen_counts}
        else:
            refused.add(day)
    return results


def _seen_counts(day: date, first_seen: FirstSeenCounts, refused: Collection[date]) -> dict[str, int]:
    """Count items and users seen on earlier days; a refused day of the same stage does not count as earlier."""
    counts = {}
    if day in first_seen.item_events:
        counts["seen_item_events"] = _count_seen_before(day, first_seen.item_events[day], refused)
        counts["compared_events"] = sum(first_seen.item_events[day].values())
        events_by_title_day = first_seen.renamed_items.get(day, {})
        counts["renamed_items"] = sum(events_by_title_day.values()) - _count_seen_before(
            day, events_by_title_day, refused
        )
    if day in first_seen.users:
        counts["seen_users"] = _count_seen_before(day, first_seen.users[day], refused)
        counts["compared_users"] = sum(first_seen.users[day].values())
    return counts


def _count_seen_before(day: date, by_first: Mapping[date, int], refused: Collection[date]) -> int:
    return sum(count for first_day, count in by_first.items() if first_day < day and first_day not in refused)


def _reference_window(day: date, reference_days: DailyCounts, config: ComparisonConfig) -> DailyCounts:
    """Return the reference days, up to the last day that passed: refused days do not shorten the window."""
    earlier_days = [d for d in reference_days if d < day]
    if not earlier_days:
        return {}
    first_day = max(
        [max(earlier_days) + timedelta(days=1 - config.window_days), *level_shift_days(day, config.acceptances)]
    )
    return {d: reference_days[d] for d in earlier_days if d >= first_day}


def _measure_deviations(
    day: date, counts: Counts, reference_days: DailyCounts, config: ComparisonConfig
) -> tuple[dict[str, float], dict[str, str]]:
    # A day on which nothing landed or nothing was read is not compared: other rules report it.
    was_read = not counts.get("upstream_missing", 0)
    has_landed = was_read and (counts.get("landed", 0) > 0 or counts.get("files", 0) > 0)
    deviations: list[Deviation] = []
    if has_landed:
        deviations += _reference_deviations(day, counts, reference_days, day >= config.today)
        deviations += _bound_deviations(counts, is_new_shop=len(reference_days) < MIN_WEEKLY_DAYS, config=config)
    factors, messages = dict.fromkeys(config.limits, 1.0), dict.fromkeys(config.limits, "")
    for check, factor, message in sorted(deviations, key=lambda deviation: -deviation.factor):
        limit = config.limits[check]
        factors[check] = max(factors[check], factor if limit else 1.0)
        if limit and factor > limit.warn:
            messages[check] = f"{messages[check]}; {message}" if messages[check] else message
    return factors, messages


def _reference_deviations(
    day: date, counts: Counts, reference_days: DailyCounts, is_unfinished: bool
) -> list[Deviation]:
    deviations, has_enough_events = [], True
    for metric in DAY_METRICS:
        value, reference = metric.value(counts), reference_value(metric, day, reference_days)
        if reference is None or value != value:
            continue
        if metric.numerator == "rows" and metric.denominator is None:
            if reference.value < MIN_EVENTS:
                return []  # days of so few events vary by more than any factor
            has_enough_events = not is_unfinished or value >= MIN_DAY_PROGRESS * reference.value
        is_incomplete = metric.grows_during_day and is_unfinished and value < reference.value
        if is_incomplete or not has_enough_events:
            continue
        factor = min(deviation_factor(metric, counts, value, reference), MAX_FACTOR)
        reference_text = f"usually {metric.format_value(reference.value)} ({reference.description})"
        deviations.append(
            Deviation(metric.check, factor, f"{metric.name} {metric.format_value(value)}, {reference_text}")
        )
    return deviations


def _bound_deviations(counts: Counts, *, is_new_shop: bool, config: ComparisonConfig) -> list[Deviation]:
    deviations = []
    for bound in ABSOLUTE_BOUNDS:
        limit, share = config.limits[bound.check], bound.share(counts)
        if limit is None or share < bound.warn_share or not (is_new_shop or bound.applies_with_history):
            continue
        is_refused = bound.refuse_share is not None and share >= bound.refuse_share
        # A factor above the limit refuses the day; one between the limits is a warning.
        factor = MAX_FACTOR if is_refused else (limit.warn + limit.refuse) / 2
        deviations.append(Deviation(bound.check, factor, bound.describe(counts)))
    return deviations


def _is_refused(factors: Mapping[str, float], config: ComparisonConfig) -> bool:
    return any(limit is not None and factors[check] > limit.refuse for check, limit in config.limits.items())
