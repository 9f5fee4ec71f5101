"""How shoppers of fresh days are compared with those whom the champion learned from."""

from pydantic import BaseModel, ConfigDict, Field


class DriftParams(BaseModel):
    """Limits chosen so that a shop that stays as it is raises no alarm: docs/watching.md has the figures."""

    model_config = ConfigDict(frozen=True)

    reference_days: int = Field(28, ge=1, le=400, description="days up to the champion's cut that are compared with")
    current_days: int = Field(3, ge=1, le=90, description="of the days landed since, the last so many")
    psi_limit: float = Field(
        0.1, gt=0, description="a column has drifted above this PSI, or above what is usual for it"
    )
    baseline_multiplier: float = Field(
        2.0, ge=1, description="what is usual: the largest PSI among the reference's own days, times this"
    )
    max_unknown_share: float = Field(
        0.2, gt=0, le=1, description="share of fresh events with items that the champion does not know"
    )
    max_quality_drop: float = Field(
        0.15, ge=0, lt=1, description="the champion's NDCG@10 may fall by this share before it counts as drift"
    )
    max_quality_rise: float = Field(
        0.15, gt=0, description="NDCG@10 that surely rose by more than this share is too good to be true"
    )
    anchor_psi_limit: float = Field(
        0.25,
        gt=0,
        description="since the anchor's days a column may have moved by this PSI, or twice what is usual for it",
    )
    confidence: float = Field(0.99, gt=0.5, lt=1, description="how sure it must be that quality fell or rose")
    min_events: int = Field(500, ge=1, description="with fewer events on either side nothing is said of their columns")
    min_cases: int = Field(100, ge=2, description="with fewer fresh baskets nothing is said of quality")
    max_events: int = Field(
        200_000, ge=1_000, description="events compared on either side, at most (a sample of shoppers)"
    )
    max_cases: int = Field(4_000, ge=100, description="baskets asked for on either side, at most")
    bootstrap_samples: int = Field(1_000, ge=100, description="bootstrap samples")
    seed: int = Field(20, description="of the samples")
