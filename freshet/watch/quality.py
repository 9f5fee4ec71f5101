"""Whether the champion still answers as well as when it was released: what no column of the input can show."""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from freshet.judge.bootstrap import shopper_bootstrap
from freshet.watch.params import DriftParams

Values = NDArray[np.float64]
Ints = NDArray[np.int64]


class Quality(BaseModel):
    """The champion's NDCG@10 on baskets of the days it was judged on, and on those of the fresh days."""

    model_config = ConfigDict(frozen=True)

    before: float
    fresh: float
    fall: float  # share of `before`; negative where it rose
    surely: float  # the fall is at least this much, with the confidence asked for
    cases_before: int
    cases_fresh: int
    fell: bool
    rose: bool = False  # too far to be true; false in reports from when nobody asked


def compare_quality(
    before: Values, owners_before: Ints, fresh: Values, owners_fresh: Ints, params: DriftParams
) -> Quality:
    """(C,) NDCG of each basket and the number of its shopper, on either side.

    Shoppers are drawn, not baskets: those of one shopper go well or badly together (cluster bootstrap, Field and
    Welsh 2007). It fell if it fell by more than the margin, and surely by more than nothing; it rose likewise.
    """
    rng = np.random.default_rng(params.seed)
    old, new = (
        shopper_bootstrap(values[:, None], owners, params.samples, rng)[:, 0]
        for values, owners in ((before, owners_before), (fresh, owners_fresh))
    )
    was, now = float(before.mean()), float(fresh.mean())
    surely = float(np.quantile(old - new, 1 - params.confidence)) / was if was > 0 else 0.0
    fall = (was - now) / was if was > 0 else 0.0
    return Quality(
        before=was,
        fresh=now,
        fall=fall,
        surely=surely,
        cases_before=len(before),
        cases_fresh=len(fresh),
        fell=fall > params.quality_margin and surely > 0,
        rose=-fall > params.rise_margin and float(np.quantile(new - old, 1 - params.confidence)) > 0,
    )
