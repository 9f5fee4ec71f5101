"""Evidently on two frames: which columns have drifted, and the page that shows them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd

METHOD: Final = "psi"


def scores(
    reference: "pd.DataFrame", fresh: "pd.DataFrame", limits: Mapping[str, float], page: Path | None = None
) -> dict[str, float]:
    """Column → PSI of the fresh rows against the reference. limits: column → what Evidently holds it against.

    page: where Evidently's HTML goes; it holds its own scripts (4 MB) and fetches nothing.
    """
    snapshot = _report(reference, fresh, limits)
    if page is not None:
        snapshot.save_html(str(page))
    found = {}
    for metric in snapshot.dict()["metrics"]:
        config = metric["config"]
        if config["type"] == "evidently:metric_v2:ValueDrift":
            found[str(config["column"])] = float(metric["value"])
    return {name: found[name] for name in limits}


def _report(reference: "pd.DataFrame", fresh: "pd.DataFrame", limits: Mapping[str, float]) -> Any:
    from evidently import Report
    from evidently.presets import DataDriftPreset

    names = list(limits)
    # Evidently calls the whole frame drifted from this share of its columns on; the verdict does from the first.
    share = 1 / len(names)
    preset = DataDriftPreset(columns=names, drift_share=share, cat_method=METHOD, per_column_threshold=dict(limits))
    return Report([preset]).run(_dataset(fresh, names), _dataset(reference, names))


def _dataset(frame: "pd.DataFrame", names: Sequence[str]) -> Any:
    from evidently import DataDefinition, Dataset

    return Dataset.from_pandas(frame[list(names)], data_definition=DataDefinition(categorical_columns=list(names)))
