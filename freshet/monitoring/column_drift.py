"""Column drift: the PSI of every column between two windows of days, and its limit."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from freshet.data.columns import LANDING_DATE
from freshet.monitoring.binning import COLUMNS, bin_columns, fit_bins
from freshet.monitoring.evidently_report import save_report
from freshet.monitoring.params import DriftParams
from freshet.monitoring.psi import baseline_psi, psi, value_shares
from freshet.monitoring.verdict import ColumnDrift, column_drifts

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class DriftWindowData:
    """The rows of one window of days: of the tables `events` and `user_features`, see `bin_columns`."""

    events: "pd.DataFrame"
    user_features: "pd.DataFrame"


def compare_columns(
    reference: DriftWindowData, current: DriftWindowData, params: DriftParams, html_file: Path | None = None
) -> tuple[ColumnDrift, ...]:
    """Return the drift of every column, nearest to its limit first. html_file: where Evidently's page is saved."""
    bins = fit_bins(reference.events)
    reference_bins, current_bins = (
        bin_columns(window.events, window.user_features, bins) for window in (reference, current)
    )
    psi_baseline = baseline_psi(reference_bins, COLUMNS, current.events[LANDING_DATE].nunique())
    limits = {name: max(params.psi_limit, params.baseline_multiplier * psi_baseline[name]) for name in COLUMNS}
    shares = {
        name: (dict(value_shares(reference_bins[name])), dict(value_shares(current_bins[name]))) for name in COLUMNS
    }
    if html_file is not None:
        save_report(reference_bins, current_bins, limits, html_file)
    psi_scores = {name: psi(reference_bins[name], current_bins[name]) for name in COLUMNS}
    return column_drifts(psi_scores, limits, shares)
