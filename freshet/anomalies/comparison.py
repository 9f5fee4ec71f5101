"""Every day of a stage beside the days before it, in the order of days: a day that passes is the past of the next."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from freshet.anomalies.acceptance import Acceptance, is_accepted, level_shift_days
from freshet.anomalies.baseline import MIN_WEEKLY_DAYS, DailyCounts, deviation_factor, reference_value
from freshet.anomalies.fixed_limits import ABSOLUTE_BOUNDS, add_derived_counts
from freshet.anomalies.limits import Limit
from freshet.anomalies.metrics import DAY_METRICS, MAX_FACTOR, MIN_EVENTS, Counts

MIN_DAY_PROGRESS: Final = 0.3  # of the usual events: the shares of a day that is not over are judged from here on
MIN_SEEN_DAYS: Final = 2  # published days after which it means something that an item is new

CountsByFirstDay = Mapping[date, Mapping[date, int]]


@dataclass(frozen=True)
class FirstSeenCounts:
    """When what a day holds was first met: day → first day → count. Empty where it is not known."""

    item_events: CountsByFirstDay = field(default_factory=dict)
    users: CountsByFirstDay = field(default_factory=dict)
    renamed_items: CountsByFirstDay = field(default_factory=dict)


@dataclass(frozen=True)
class ComparisonConfig:
    """By what a day is judged: factors per truth, how many days back, what a person accepted, and the present day."""

    limits: Mapping[str, Limit | None]
    window_days: int
    acceptances: Collection[Acceptance]
    today: date


@dataclass(frozen=True)
class DayComparison:
    """One day. off: truth → by which factor it is off, 1 where all is usual; says: truth → why."""

    counts: dict[str, int]  # what was counted of the past, for the record
    factors: dict[str, float]
    messages: dict[str, str]
    accepted: bool


def compare_days(
    staged: Mapping[date, Counts],
    published: DailyCounts,
    first_seen: FirstSeenCounts,
    config: ComparisonConfig,
    passes_other_rules: Callable[[date], bool],
) -> dict[date, DayComparison]:
    """Every day of the stage, in order.

    published: the counts of days published before, none of the stage among them. sound: whether the other rules of the
    gate let a day pass.
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
    """Counts of what published days had met before; a refused day of the same stage does not make anything known."""
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
    """The days up to the last one that passed: while days are refused, the past stays what it was."""
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
    # Where nothing landed, or nothing of it was read, there is nothing to compare: another rule says so.
    was_read = not counts.get("upstream_missing", 0)
    has_landed = was_read and (counts.get("landed", 0) > 0 or counts.get("files", 0) > 0)
    deviations: list[tuple[str, float, str]] = []
    if has_landed:
        deviations += _reference_deviations(day, counts, reference_days, day >= config.today)
        deviations += _bound_deviations(counts, is_new_shop=len(reference_days) < MIN_WEEKLY_DAYS, config=config)
    factors, messages = dict.fromkeys(config.limits, 1.0), dict.fromkeys(config.limits, "")
    for check, factor, text in sorted(deviations, key=lambda deviation: -deviation[1]):
        limit = config.limits[check]
        factors[check] = max(factors[check], factor if limit else 1.0)
        if limit and factor > limit.warn:
            messages[check] = f"{messages[check]}; {text}" if messages[check] else text
    return factors, messages


def _reference_deviations(
    day: date, counts: Counts, reference_days: DailyCounts, is_unfinished: bool
) -> list[tuple[str, float, str]]:
    deviations, has_enough_events = [], True
    for metric in DAY_METRICS:
        value, reference = metric.value(counts), reference_value(metric, day, reference_days)
        if reference is None or value != value:
            continue
        if metric.numerator == "rows" and metric.denominator is None:
            if reference.value < MIN_EVENTS:
                return []  # so few events vary by more than any factor
            has_enough_events = not is_unfinished or value >= MIN_DAY_PROGRESS * reference.value
        is_incomplete = metric.grows_during_day and is_unfinished and value < reference.value
        if is_incomplete or not has_enough_events:
            continue
        factor = min(deviation_factor(metric, counts, value, reference), MAX_FACTOR)
        text = f"{metric.name} {metric.format_value(value)}, usually {metric.format_value(reference.value)} ({reference.description})"
        deviations.append((metric.check, factor, text))
    return deviations


def _bound_deviations(counts: Counts, *, is_new_shop: bool, config: ComparisonConfig) -> list[tuple[str, float, str]]:
    deviations = []
    for bound in ABSOLUTE_BOUNDS:
        limit, share = config.limits[bound.check], bound.share(counts)
        if limit is None or share < bound.warn_share or not (is_new_shop or bound.applies_with_history):
            continue
        is_refused = bound.refuse_share is not None and share >= bound.refuse_share
        deviations.append(
            (bound.check, MAX_FACTOR if is_refused else (limit.warn + limit.refuse) / 2, bound.describe(counts))
        )
    return deviations


def _is_refused(factors: Mapping[str, float], config: ComparisonConfig) -> bool:
    return any(limit is not None and factors[check] > limit.refuse for check, limit in config.limits.items())
