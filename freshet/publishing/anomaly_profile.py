"""Add the anomaly checks to the profile of `events`: a deviation factor and a message per check and day."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame

from freshet.anomalies.acceptance import load_acceptances
from freshet.anomalies.comparison import ComparisonConfig, DayComparison, FirstSeenCounts, compare_days
from freshet.anomalies.reference_value import DailyCounts
from freshet.gates.rules import Rule
from freshet.publishing.composition import EventComposition, compute_composition
from freshet.settings import Settings
from freshet.store import Store
from freshet.tables import day_records, iceberg
from freshet.tables.schemas import ITEMS, USER_FEATURES, Table

if TYPE_CHECKING:
    import pandas as pd

MIN_COVERAGE = (
    0.8  # share of the reference days that `items` and `user_features` must have to tell what was seen before
)


def add_day_comparison(
    profile: "pd.DataFrame", events: DataFrame, rules: Sequence[Rule], settings: Settings, store: Store, today: date
) -> "pd.DataFrame":
    """Return the profile with the composition of its days, and `<check>_factor` and `<check>_message` per check.

    events: the staged rows. rules: all rules of the gate; a day that breaks another rule is no reference day.
    """
    days = list(profile.index)
    published = _reference_counts(store, days, settings.anomaly_window_days)
    covered_days = {table.name: _covered_days(store, table, published) for table in (ITEMS, USER_FEATURES)}
    day_composition = compute_composition(
        events, _read_covered(events, ITEMS, covered_days), _read_covered(events, USER_FEATURES, covered_days)
    )
    profile = _join_composition(profile, day_composition)
    rows: dict[date, dict[str, Any]] = profile.to_dict("index")  # type: ignore[assignment]
    present_rules = [rule for rule in rules if rule.column in profile.columns]
    config = ComparisonConfig(
        settings.parsed_anomaly_limits, settings.anomaly_window_days, load_acceptances(store), today
    )
    comparisons = compare_days(
        {day: _numeric_values(row) for day, row in rows.items()},
        published,
        _first_seen(day_composition, {name: days is not None for name, days in covered_days.items()}),
        config,
        passes_other_rules=lambda day: not any(rule.blocks(rows[day]) for rule in present_rules),
    )
    return _join_comparisons(profile, comparisons)


def _reference_counts(store: Store, days: Sequence[date], window_days: int) -> DailyCounts:
    """Return the counts of the published days around the stage, up to its last day, without the staged days.

    The window ends with the last day published before the stage: days refused since then do not shorten it.
    """
    first_staged = min(days)
    last_published = next(
        day_records.published_days(store, "events", until=first_staged - timedelta(days=1)), first_staged
    )
    first = min(last_published + timedelta(days=1), first_staged) - timedelta(days=window_days)
    window = {first + timedelta(days=n) for n in range((max(days) - first).days)} - set(days)
    records = day_records.latest_records(store, "events", window)
    return {d: r.counts for d, r in records.items() if r.verdict == "published" and r.counts["rows"] > 0}


def _covered_days(store: Store, table: Table, reference_days: DailyCounts) -> list[date] | None:
    """Return the reference days that the table has; None if it lacks too many to tell what was seen before."""
    records = day_records.latest_records(store, table.name, reference_days)
    covered = [day for day, record in records.items() if record.verdict == "published"]
    return covered if len(covered) >= MIN_COVERAGE * len(reference_days) else None


def _read_covered(events: DataFrame, table: Table, covered_days: Mapping[str, list[date] | None]) -> DataFrame:
    covered = covered_days[table.name]
    return (
        iceberg.read_published(events.sparkSession, table, covered)
        if covered
        else iceberg.empty_frame(events.sparkSession, table)
    )


def _first_seen(day_composition: EventComposition, is_covered: Mapping[str, bool]) -> FirstSeenCounts:
    item_counts = (
        {"item_events": day_composition.item_events, "renamed_items": day_composition.renamed_items}
        if is_covered[ITEMS.name]
        else {}
    )
    return FirstSeenCounts(**item_counts, users=day_composition.users if is_covered[USER_FEATURES.name] else {})


def _join_composition(profile: "pd.DataFrame", day_composition: EventComposition) -> "pd.DataFrame":
    counts = day_composition.counts.reindex(profile.index).fillna(0).astype("int64")
    return profile.drop(columns=[name for name in counts.columns if name in profile]).join(counts)


def _join_comparisons(profile: "pd.DataFrame", comparisons: Mapping[date, DayComparison]) -> "pd.DataFrame":
    import pandas as pd

    rows = {
        day: {
            **comparison.counts,
            **{f"{check}_factor": factor for check, factor in comparison.factors.items()},
            **{f"{check}_message": message for check, message in comparison.messages.items()},
            "accepted": int(comparison.accepted),
        }
        for day, comparison in comparisons.items()
    }
    comparison_columns = pd.DataFrame.from_dict(rows, orient="index").reindex(profile.index)
    counts = sorted({name for one in comparisons.values() for name in one.counts})
    # Days without events have no such counts; an integer column cannot be empty.
    comparison_columns[counts] = comparison_columns[counts].astype("float64").fillna(0).astype("int64")
    return profile.join(comparison_columns)


def _numeric_values(row: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in row.items() if isinstance(value, int | float)}
