"""Quality drift: NDCG@10 of the champion on current baskets against the baskets that it was evaluated on."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from freshet.artifacts import StoredModel
from freshet.evaluation.bootstrap import shopper_bootstrap
from freshet.monitoring.params import DriftParams

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class QualityDrift(StoredModel):
    """NDCG@10 of the champion on the baskets of its evaluation (reference) and of the current days."""

    former_names: ClassVar[Mapping[str, str]] = {
        "reference": "before",
        "current": "fresh",
        "relative_drop": "fall",
        "drop_lower_bound": "surely",
        "reference_cases": "cases_before",
        "current_cases": "cases_fresh",
        "degraded": "fell",
        "implausible_rise": "rose",
    }

    reference: float
    current: float
    relative_drop: float  # share of `reference`; negative for a rise
    drop_lower_bound: float  # lower confidence bound of relative_drop
    reference_cases: int
    current_cases: int
    degraded: bool
    implausible_rise: bool = False  # False in reports of earlier versions


def compare_quality(
    reference_ndcg: Floats, reference_shoppers: Ints, current_ndcg: Floats, current_shoppers: Ints, params: DriftParams
) -> QualityDrift:
    """Compare two windows. *_ndcg (C,): NDCG of each case; *_shoppers (C,): index of its shopper.

    The bootstrap draws shoppers, not cases, because the cases of one shopper are correlated (cluster bootstrap, Field
    and Welsh 2007). Quality has degraded if the mean fell by more than the margin and the lower confidence bound of the
    fall is above 0; a rise is implausible under the same two conditions.
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
