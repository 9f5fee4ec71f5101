"""Evidently's data drift report of two binned frames: the PSI of every column, and an HTML page.

Evidently costs 3.6 s, 283 MiB and the pin `pandas<3`. It computes the same PSI as `psi.py` (a test compares them) and
gives the page, which shows the distributions without code of ours.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd

DRIFT_METHOD: Final = "psi"


def psi_scores(
    reference: "pd.DataFrame", current: "pd.DataFrame", limits: Mapping[str, float], html_file: Path | None = None
) -> dict[str, float]:
    """Return column → PSI of the current rows against the reference.

    limits: column → the threshold that the page shows. html_file: where the page is saved, 4 MB with its scripts
    inside.
    """
    snapshot = _report(reference, current, limits)
    if html_file is not None:
        snapshot.save_html(str(html_file))
    psi_by_column = {}
    for metric in snapshot.dict()["metrics"]:
        config = metric["config"]
        if config["type"] == "evidently:metric_v2:ValueDrift":
            psi_by_column[str(config["column"])] = float(metric["value"])
    return {name: psi_by_column[name] for name in limits}


def _report(reference: "pd.DataFrame", current: "pd.DataFrame", limits: Mapping[str, float]) -> Any:
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
