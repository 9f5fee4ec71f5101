"""Parameters of the drift report: windows, limits, sample sizes."""

from pydantic import BaseModel, ConfigDict, Field


class DriftParams(BaseModel):
    """Windows, limits and sample sizes; the limits give no false alarm on unchanged shops (docs/monitoring.md)."""

    model_config = ConfigDict(frozen=True)

    reference_days: int = Field(
        28, ge=1, le=400, description="days of the reference window, which ends with the champion's training data"
    )
    current_days: int = Field(3, ge=1, le=90, description="days of the current window: the last ones that landed since")
    psi_limit: float = Field(
        0.1, gt=0, description="a column has drifted above this PSI, or above its own baseline if that is higher"
    )
    baseline_multiplier: float = Field(
        2.0, ge=1, description="a column's baseline: the largest PSI within the reference window, times this"
    )
    max_unknown_share: float = Field(
        0.2, gt=0, le=1, description="limit of the share of current events with items that the champion does not know"
    )
    max_quality_drop: float = Field(
        0.15, ge=0, lt=1, description="NDCG@10 of the champion may fall by this share before it counts as drift"
    )
    max_quality_rise: float = Field(
        0.15, gt=0, description="a significant rise of NDCG@10 by more than this share is implausible"
    )
    anchor_psi_limit: float = Field(
        0.25,
        gt=0,
        description="limit of a column's PSI against the days of the anchor release, or its baseline if that is higher",
    )
    confidence: float = Field(0.99, gt=0.5, lt=1, description="confidence level for a fall or a rise of quality")
    min_events: int = Field(500, ge=1, description="columns are compared only if both windows have this many events")
    min_cases: int = Field(
        100, ge=2, description="quality is compared only if both windows have this many evaluation cases"
    )
    max_events: int = Field(
        200_000, ge=1_000, description="events per window; more are reduced to a sample of the shoppers"
    )
    max_cases: int = Field(4_000, ge=100, description="evaluation cases per window; more are sampled")
    bootstrap_samples: int = Field(1_000, ge=100, description="bootstrap samples of the quality comparison")
    seed: int = Field(20, description="seed of all samples")
