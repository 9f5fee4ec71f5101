"""Columns of a profile that follow from its counts and the gate inputs: mismatches, shares, gaps."""

from datetime import date
from typing import TYPE_CHECKING

from freshet.data.day_numbers import day_number
from freshet.publishing.gate_inputs import GateInputs

if TYPE_CHECKING:
    import pandas as pd


def add_derived_columns(day_profile: "pd.DataFrame", inputs: GateInputs) -> "pd.DataFrame":
    """Return the profile with the gate inputs as columns, and with the columns that follow from both.

    A day whose upstream is missing has no mismatch: the missing upstream explains it.
    """
    import pandas as pd

    day_profile = day_profile.copy()
    for name, by_day in inputs.items():
        day_profile[name] = pd.Series(
            [by_day[day] for day in day_profile.index], index=day_profile.index, dtype=object
        ).infer_objects()
    for add_columns in (_add_count_mismatch, _add_untitled_share, _add_file_columns, _add_accounting):
        day_profile = add_columns(day_profile)
    return _clear_missing_upstream(day_profile)


def _add_count_mismatch(day_profile: "pd.DataFrame") -> "pd.DataFrame":
    """count_mismatch = |counted − expected|; `rows` where the table has no `counted`."""
    if "expected" not in day_profile:
        return day_profile
    counted = day_profile["counted"] if "counted" in day_profile else day_profile["rows"]
    return day_profile.assign(count_mismatch=(counted - day_profile["expected"]).abs())


def _add_untitled_share(day_profile: "pd.DataFrame") -> "pd.DataFrame":
    """untitled_share = untitled / rows."""
    if "untitled" not in day_profile:
        return day_profile
    return day_profile.assign(untitled_share=_ratio(day_profile["untitled"], day_profile["rows"]))


def _add_file_columns(day_profile: "pd.DataFrame") -> "pd.DataFrame":
    """files_without_rows = files − files_read, 0 on a day with a broken file, which is not read at all.

    skipped_share = skipped / rows.
    """
    if "files_read" not in day_profile:
        return day_profile
    files_without_rows = day_profile["files"] - day_profile["files_read"]
    return day_profile.assign(
        files_without_rows=files_without_rows.where(day_profile["broken_files"] == 0, 0),
        skipped_share=_ratio(day_profile["skipped"], day_profile["rows"]),
    )


def _add_accounting(day_profile: "pd.DataFrame") -> "pd.DataFrame":
    """candidates = landed − skipped; unaccounted_rows = |candidates − quarantined − duplicate − rows|.

    bad_share = quarantined / candidates, empty where there are no candidates.
    """
    if "landed" not in day_profile:
        return day_profile
    candidates = day_profile["landed"] - day_profile["skipped"]
    accounted = day_profile["quarantined"] + day_profile["duplicate"] + day_profile["rows"]
    return day_profile.assign(
        candidates=candidates,
        unaccounted_rows=(candidates - accounted).abs(),
        bad_share=_ratio(day_profile["quarantined"], candidates),
    )


def _clear_missing_upstream(day_profile: "pd.DataFrame") -> "pd.DataFrame":
    if "upstream_missing" not in day_profile:
        return day_profile
    has_upstream = day_profile["upstream_missing"] == 0
    names = [name for name in ("count_mismatch", "unaccounted_rows") if name in day_profile]
    return day_profile.assign(**{name: day_profile[name].where(has_upstream, 0) for name in names})


def add_index_columns(table_profile: "pd.DataFrame") -> "pd.DataFrame":
    """Return the profile: `vocabulary` with `index_gaps`, `training_set` with `unknown_items` and `leaked_rows`."""
    if "highest_index" in table_profile:
        index_gaps = (
            (table_profile["highest_index"] - table_profile["rows"]).abs()
            + (table_profile["lowest_index"] - 1).abs()
            + table_profile["shared_indexes"]
        )
        table_profile = table_profile.assign(index_gaps=index_gaps.where(table_profile["rows"] > 0, 0))
    if "highest_item" in table_profile:
        has_unknown_items = (table_profile["lowest_item"] < 1) | (
            table_profile["highest_item"] > table_profile["vocabulary_size"]
        )
        as_of = [day_number(date.fromisoformat(str(day))) for day in table_profile["as_of"]]
        table_profile = table_profile.assign(
            unknown_items=has_unknown_items.astype(int),
            leaked_rows=(table_profile["latest_day"] > as_of).astype(int),
        )
    return table_profile


def _ratio(part: "pd.Series[int]", total: "pd.Series[int]") -> "pd.Series[float]":
    return (part / total).where(total > 0)
