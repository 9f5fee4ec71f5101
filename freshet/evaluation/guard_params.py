"""What a verdict is guarded with, beside its tests: limits for collapse, for slow loss and for figures too good."""

from pydantic import BaseModel, ConfigDict, Field


class GuardParams(BaseModel):
    """Limits: docs/evaluation.md says what each was measured on."""

    model_config = ConfigDict(frozen=True)

    n_reference_releases: int = Field(
        30, ge=2, description="the last so many releases are what a challenger's figures are held against"
    )
    min_baseline_ratio: float = Field(
        0.95,
        gt=0,
        le=1,
        description="warn where NDCG over the best baseline's is below this share of the best of these",
    )
    max_ndcg_rise: float = Field(
        0.15, gt=0, description="hold where NDCG is surely above all of these, and by more than this share"
    )
    max_echo_rise: float = Field(
        0.05, gt=0, le=1,
        description="hold where this share more of the baskets repeat the item of seconds before than on earlier days",
    )  # fmt: skip
    min_personalisation: float = Field(
        0.3,
        ge=0,
        lt=1,
        description="hold where the lists of two shoppers differ in less than this share of what chance gives",
    )
    min_coverage_ratio: float = Field(
        0.5, ge=0, le=1, description="warn where coverage is below this share of the champion's"
    )
    max_popularity_rise: float = Field(
        0.2,
        gt=0,
        le=1,
        description="warn where this much more of the lists goes to popular items than in the champion's",
    )
    slice_margin: float = Field(
        0.1, ge=0, lt=1, description="hold where a slice is surely worse than the champion by more than this share"
    )
    min_slice_shoppers: int = Field(50, ge=2, description="with fewer shoppers nothing is said of a slice")
