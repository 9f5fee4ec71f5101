"""Evidently's data drift report of two binned frames, an HTML page with the distributions of every column.

The verdict is decided on the PSI of `psi.py`; the page shows the same values (a test compares them). Evidently costs
3.6 s, 283 MiB and the pin `pandas<3`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd

DRIFT_METHOD: Final = "psi"


def save_report(
    reference: "pd.DataFrame", current: "pd.DataFrame", limits: Mapping[str, float], html_file: Path
) -> dict[str, float]:
    """Save the page, 4 MB with its scripts inside, and return column → the PSI that it shows.

    limits: column → the threshold that the page shows.
    """
    snapshot = _run_report(reference, current, limits)
    snapshot.save_html(str(html_file))
    return {
        str(metric["config"]["column"]): float(metric["value"])
        for metric in snapshot.dict()["metrics"]
        if metric["config"]["type"] == "evidently:metric_v2:ValueDrift"
    }


def _run_report(reference: "pd.DataFrame", current: "pd.DataFrame", limits: Mapping[str, float]) -> Any:
    from evidently import Report
    from evidently.presets import DataDriftPreset

    columns = list(limits)
    # Evidently calls the frame drifted at this share of drifted columns: one column, as in our verdict.
    drift_share = 1 / len(columns)
    preset = DataDriftPreset(
        columns=columns, drift_share=drift_share, cat_method=DRIFT_METHOD, per_column_threshold=dict(limits)
    )
    return Report([preset]).run(_dataset(current, columns), _dataset(reference, columns))


def _dataset(frame: "pd.DataFrame", columns: Sequence[str]) -> Any:
    from evidently import DataDefinition, Dataset

    return Dataset.from_pandas(frame[list(columns)], data_definition=DataDefinition(categorical_columns=list(columns)))
