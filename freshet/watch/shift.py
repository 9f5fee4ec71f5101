"""How far two distributions lie apart, and how far the reference's own days lie apart: what is usual for this shop."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from freshet.watch.columns import DAY

if TYPE_CHECKING:
    import pandas as pd

EMPTY: Final = 0.0001  # share of a value that one side lacks; Evidently's own


def psi(reference: "pd.Series[str]", fresh: "pd.Series[str]") -> float:
    """Population stability index: Σ (p − q) · ln(p / q) over the values, p and q their shares (Siddiqi 2006).

    The same as Evidently's for texts, so that a limit taken here is a limit there.
    """
    shares = shares_of(reference).to_frame("q").join(shares_of(fresh).rename("p"), how="outer").fillna(0.0)
    q, p = (shares[name].replace(0.0, EMPTY).to_numpy() for name in ("q", "p"))
    return float(((p - q) * np.log(p / q)).sum())


def shares_of(values: "pd.Series[str]") -> "pd.Series[float]":
    """Value → share of the rows, largest first."""
    return values.value_counts(normalize=True)


def usual(reference: "pd.DataFrame", names: Sequence[str], days: int) -> dict[str, float]:
    """Column → the largest PSI between `days` consecutive days of the reference and all its other days.

    What the shop does to itself from week to week is no drift. Where the reference is shorter than three such
    stretches there is nothing to learn that from, and 0 is given.
    """
    every = sorted(reference[DAY].unique())
    found = dict.fromkeys(names, 0.0)
    if len(every) < 3 * days:
        return found
    for start in range(0, len(every) - days + 1, max(1, days)):
        inside = reference[DAY].isin(every[start : start + days])
        for name in names:
            found[name] = max(found[name], psi(reference[name][~inside], reference[name][inside]))
    return found
