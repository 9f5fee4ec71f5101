"""Run configuration of the verdict: metric, confidence, margin and minimum amounts of data."""

from pydantic import BaseModel, ConfigDict, Field


class EvaluationParams(BaseModel):
    """Parameters of the verdict."""

    model_config = ConfigDict(frozen=True)

    ndcg_k: int = Field(10, ge=1, description="k of the NDCG that the verdict compares")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="confidence level of the one-sided bounds")
    non_inferiority_margin: float = Field(
        0.02,
        ge=0,
        lt=1,
        description="share of the reference's NDCG by which a challenger may be worse: a retrained model of the same "
        "configuration than the champion, every model after the first release than a baseline",
    )
    bootstrap_samples: int = Field(2000, ge=100, description="number of bootstrap samples")
    seed: int = Field(20, description="random seed of the bootstrap")
    min_cases: int = Field(100, ge=2, description="minimum number of held-out baskets for a release")
    min_shoppers: int = Field(
        50, ge=2, description="minimum number of shoppers for a release; uneven numbers of baskets count as fewer"
    )
    max_cases: int = Field(
        20_000, ge=2, description="larger evaluations use a random sample of this many baskets, the same for all models"
    )
