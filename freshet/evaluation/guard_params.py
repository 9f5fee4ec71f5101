"""Limits of the guards: when a verdict is held for a person or gets a warning."""

from pydantic import BaseModel, ConfigDict, Field


class GuardParams(BaseModel):
    """Limits of the guards; docs/evaluation.md names the measurements behind them."""

    model_config = ConfigDict(frozen=True)

    n_reference_releases: int = Field(
        30, ge=2, description="number of past releases that the challenger's metrics are compared with"
    )
    min_baseline_ratio: float = Field(
        0.95,
        gt=0,
        le=1,
        description="warn if NDCG / best baseline's NDCG is below this share of the best past release's",
    )
    max_ndcg_rise: float = Field(
        0.15, gt=0, description="hold if NDCG is significantly above all past releases and by more than this share"
    )
    max_echo_rise: float = Field(
        0.05, gt=0, le=1,
        description="hold if the share of baskets that repeat the item of seconds before rose by more than this",
    )  # fmt: skip
    min_personalisation: float = Field(
        0.3,
        ge=0,
        lt=1,
        description="hold if the lists of two shoppers differ less than this share of the random level",
    )
    min_coverage_ratio: float = Field(
        0.5, ge=0, le=1, description="warn if coverage is below this share of the champion's"
    )
    max_popularity_rise: float = Field(
        0.2,
        gt=0,
        le=1,
        description="warn if the share of popular items is higher than the champion's by more than this",
    )
    slice_margin: float = Field(
        0.1, ge=0, lt=1, description="hold if a slice is significantly worse than the champion by more than this share"
    )
    min_slice_shoppers: int = Field(50, ge=2, description="slices with fewer shoppers are not tested")
