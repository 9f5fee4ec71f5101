"""How a challenger is judged."""

from pydantic import BaseModel, ConfigDict, Field


class EvaluationParams(BaseModel):
    """How a challenger is judged."""

    model_config = ConfigDict(frozen=True)

    ndcg_k: int = Field(10, ge=1, description="the verdict reads NDCG at this k")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="confidence of the one-sided lower bound")
    non_inferiority_margin: float = Field(
        0.02,
        ge=0,
        lt=1,
        description="a model that is only fresher may be worse by this share of the champion's NDCG, "
        "every model after the first by this share of a baseline's",
    )
    bootstrap_samples: int = Field(2000, ge=100, description="bootstrap samples")
    seed: int = Field(20, description="of the bootstrap")
    min_cases: int = Field(100, ge=2, description="with fewer baskets to ask for nothing is released")
    min_shoppers: int = Field(
        50, ge=2, description="with baskets of fewer shoppers nothing is released; uneven ones count as fewer"
    )
    max_cases: int = Field(
        20_000, ge=2, description="of more baskets a random sample is asked for, the same for everybody"
    )
