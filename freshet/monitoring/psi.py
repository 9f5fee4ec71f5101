"""Population stability index (PSI) of the columns of a drift report, and its usual size within the reference window."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from freshet.monitoring.binning import DAY_COLUMN

if TYPE_CHECKING:
    import pandas as pd

EMPTY_SHARE: Final = 0.0001  # share assumed for a value that one side lacks, as in Evidently


def psi(reference: "pd.Series[str]", current: "pd.Series[str]") -> float:
    """Return the population stability index, Σ (p − q) · ln(p / q) over the values' shares p and q (Siddiqi 2006).

    The verdict is decided on this value. It equals the PSI of categorical columns on Evidently's page.
    """
    shares = value_shares(reference).to_frame("q").join(value_shares(current).rename("p"), how="outer").fillna(0.0)
    q, p = (shares[name].replace(0.0, EMPTY_SHARE).to_numpy() for name in ("q", "p"))
    return float(((p - q) * np.log(p / q)).sum())


def value_shares(values: "pd.Series[str]") -> "pd.Series[float]":
    """Return value → share of the rows, largest first."""
    return values.value_counts(normalize=True)


def baseline_psi(reference: "pd.DataFrame", columns: Sequence[str], window_days: int) -> dict[str, float]:
    """Return column → the largest PSI between `window_days` consecutive days of the reference and all its other days.

    This is the variation from week to week of a shop without drift. 0 if the reference is shorter than three windows.
    """
    all_days = sorted(reference[DAY_COLUMN].unique())
    largest_psi = dict.fromkeys(columns, 0.0)
    if len(all_days) < 3 * window_days:
        return largest_psi
    for start in range(0, len(all_days) - window_days + 1, max(1, window_days)):
        in_window = reference[DAY_COLUMN].isin(all_days[start : start + window_days])
        for name in columns:
            largest_psi[name] = max(largest_psi[name], psi(reference[name][~in_window], reference[name][in_window]))
    return largest_psi
