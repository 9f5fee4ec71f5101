"""How far two distributions lie apart, and how far the reference's own days lie apart: what is usual for this shop."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from freshet.monitoring.binning import DAY_COLUMN

if TYPE_CHECKING:
    import pandas as pd

EMPTY_SHARE: Final = 0.0001  # share of a value that one side lacks; Evidently's own


def psi(reference: "pd.Series[str]", current: "pd.Series[str]") -> float:
    """Population stability index: Σ (p − q) · ln(p / q) over the values, p and q their shares (Siddiqi 2006).

    The same as Evidently's for texts, so that a limit taken here is a limit there.
    """
    shares = value_shares(reference).to_frame("q").join(value_shares(current).rename("p"), how="outer").fillna(0.0)
    q, p = (shares[name].replace(0.0, EMPTY_SHARE).to_numpy() for name in ("q", "p"))
    return float(((p - q) * np.log(p / q)).sum())


def value_shares(values: "pd.Series[str]") -> "pd.Series[float]":
    """Value → share of the rows, largest first."""
    return values.value_counts(normalize=True)


def baseline_psi(reference: "pd.DataFrame", columns: Sequence[str], window_days: int) -> dict[str, float]:
    """Column → the largest PSI between `days` consecutive days of the reference and all its other days.

    What the shop does to itself from week to week is no drift. Where the reference is shorter than three such
    stretches there is nothing to learn that from, and 0 is given.
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
