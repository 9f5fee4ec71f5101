"""Records of runs and model versions, independent of MLflow."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class MetricPoint:
    """One value of a metric over time."""

    name: str
    value: float
    step: int
    seconds: float  # since the start of the run


@dataclass(frozen=True)
class RunRecord:
    """One run. A second record with the same key extends the run of the first."""

    key: str  # e.g. `model 1a2b…`; unique in the shop
    name: str
    started_at: datetime  # UTC
    seconds: float = 0.0
    parameters: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    points: tuple[MetricPoint, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    failed: bool = False
    children: tuple["RunRecord", ...] = ()


@dataclass(frozen=True)
class ModelVersion:
    """A bundle as a version of the shop's registered model."""

    bundle: str
    path: str  # in the lake
    key: str = ""  # of the training run; "": unknown
    tags: Mapping[str, str] = field(default_factory=dict)
