"""Whether the champion still answers as well as when it was released: what no column of the input can show."""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from freshet.evaluation.bootstrap import shopper_bootstrap
from freshet.monitoring.params import DriftParams

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class QualityDrift(BaseModel):
    """The champion's NDCG@10 on baskets of the days it was judged on, and on those of the fresh days."""

    model_config = ConfigDict(frozen=True)

    reference: float
    current: float
    relative_drop: float  # share of `before`; negative where it rose
    drop_lower_bound: float  # the fall is at least this much, with the confidence asked for
    reference_cases: int
    current_cases: int
    degraded: bool
    implausible_rise: bool = False  # too far to be true; false in reports from when nobody asked


def compare_quality(
    reference_ndcg: Floats, reference_shoppers: Ints, current_ndcg: Floats, current_shoppers: Ints, params: DriftParams
) -> QualityDrift:
    """(C,) NDCG of each basket and the number of its shopper, on either side.

    Shoppers are drawn, not baskets: those of one shopper go well or badly together (cluster bootstrap, Field and
    Welsh 2007). It fell if it fell by more than the margin, and surely by more than nothing; it rose likewise.
    """
    rng = np.random.default_rng(params.seed)
    reference_samples, current_samples = (
        shopper_bootstrap(values[:, None], shoppers, params.bootstrap_samples, rng)[:, 0]
        for values, shoppers in ((reference_ndcg, reference_shoppers), (current_ndcg, current_shoppers))
    )
    reference_mean, current_mean = float(reference_ndcg.mean()), float(current_ndcg.mean())
    drop_lower_bound = (
        float(np.quantile(reference_samples - current_samples, 1 - params.confidence)) / reference_mean
        if reference_mean > 0
        else 0.0
    )
    relative_drop = (reference_mean - current_mean) / reference_mean if reference_mean > 0 else 0.0
    return QualityDrift(
        reference=reference_mean,
        current=current_mean,
        relative_drop=relative_drop,
        drop_lower_bound=drop_lower_bound,
        reference_cases=len(reference_ndcg),
        current_cases=len(current_ndcg),
        degraded=relative_drop > params.max_quality_drop and drop_lower_bound > 0,
        implausible_rise=-relative_drop > params.max_quality_rise
        and float(np.quantile(current_samples - reference_samples, 1 - params.confidence)) > 0,
    )
