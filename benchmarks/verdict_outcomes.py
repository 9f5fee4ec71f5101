"""Random per-basket NDCG of equally good models, drawn from the measured outcomes of pairs of real trainings."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.data.history import Ints
from freshet.evaluation.metrics import Values

MAX_BASKETS_PER_SHOPPER: Final = 500  # in a window; a bot or a wholesaler


@dataclass(frozen=True)
class ModelPair:
    """How alike the outcomes of two trainings of one configuration are, measured on real pairs (docs/evaluation.md)."""

    name: str
    quantiles: tuple[float, ...]  # of the NDCG@10 of a basket, at equal steps of probability from 0 to 1
    common_share: float  # share of the latent variance that both models have in common
    shopper_common_share: float  # share of the common part that all baskets of a shopper have in common
    shopper_own_share: float  # likewise of the part of one model alone

    @property
    def mean(self) -> float:
        """NDCG@10 over all baskets."""
        return float(np.trapezoid(self.quantiles, dx=1 / (len(self.quantiles) - 1)))

    def at_hit_rate(self, name: str, hit_rate: float) -> "ModelPair":
        """The same pair in a shop where only `hit_rate` of the baskets are as easy and the others have no hit."""
        steps = np.linspace(0, 1, 20 * (len(self.quantiles) - 1) + 1)
        hit_quantiles = np.clip((steps - 1 + hit_rate) / hit_rate, 0, 1)
        values = np.interp(hit_quantiles, np.linspace(0, 1, len(self.quantiles)), self.quantiles)
        return replace(self, name=name, quantiles=tuple(values.tolist()))


# Two trainings of the default configuration, the second with one more day of events, on the same 9,705 baskets of the
# next five days: `ShopParams(seed=1, shoppers=2000)`, eight epochs, measured at 5cb979f, before the shop's rules were
# made richer and before sequential rules were mixed into models. Correlation of the NDCG 0.923.
SIMULATED_PAIR: Final = ModelPair(
    "clicks of a simulated shop",
    quantiles=(
        *(9 * (0.0,)), 0.289, 0.315, 0.356, *(2 * (0.387,)), *(3 * (0.431,)), *(5 * (0.5,)), *(7 * (0.631,)),
        *(12 * (1.0,)),
    ),
    common_share=0.96,
    shopper_common_share=0.016,
    shopper_own_share=0.006,
)  # fmt: skip
CLICKS_PAIR: Final = SIMULATED_PAIR.at_hit_rate("clicks at a real shop's level", 0.52)
# The same, where the second training begins with the weights of the first (`warm_start`). Correlation 0.961.
WARM_START_PAIR: Final = replace(CLICKS_PAIR, name="the same, warm start", common_share=0.986, shopper_own_share=0.026)
# As a model against popular items: the difference varies by shopper. Design effect 1.6 at a few baskets each.
CLUSTERED_PAIR: Final = replace(CLICKS_PAIR, name="differences by shopper", common_share=0.8, shopper_own_share=0.5)
MODEL_PAIRS: Final = (SIMULATED_PAIR, CLICKS_PAIR, WARM_START_PAIR, CLUSTERED_PAIR)


@dataclass(frozen=True)
class BasketOutcomes:
    """NDCG@10 of C baskets for M models that are equally good."""

    values: Values  # (C, M)
    owners: Ints  # (C,) shopper


def draw_outcomes(
    pair: ModelPair, n_baskets: int, skew: float, n_models: int, rng: np.random.Generator
) -> BasketOutcomes:
    """Outcomes of equal models on baskets of shoppers who have exp(skew · normal) baskets each, at least one.

    A Gaussian copula: a model's latent score of a basket is the sum of a part common to all models and a part of its
    own, each with a component of the shopper; the quantiles map it to an NDCG.
    """
    owners = draw_owners(n_baskets, skew, rng)
    common = _latent_scores(owners, pair.shopper_common_share, 1, rng)
    individual = _latent_scores(owners, pair.shopper_own_share, n_models, rng)
    latent = np.sqrt(pair.common_share) * common + np.sqrt(1 - pair.common_share) * individual
    steps = np.linspace(0, 1, len(pair.quantiles))
    return BasketOutcomes(np.interp(_normal_cdf(latent), steps, pair.quantiles), owners)


def draw_owners(n_baskets: int, skew: float, rng: np.random.Generator) -> Ints:
    """(C,) the shopper of each basket."""
    counts = np.minimum(np.floor(np.exp(skew * np.abs(rng.standard_normal(n_baskets)))), MAX_BASKETS_PER_SHOPPER)
    owners: Ints = np.repeat(np.arange(n_baskets), counts.astype(np.int64))[:n_baskets]
    return owners


def degrade(values: Values, share: float, rng: np.random.Generator) -> Values:
    """The same model, worse by `share`: so many of its outcomes become 0."""
    is_lost: NDArray[np.bool_] = rng.random(values.shape) < share
    return np.where(is_lost, 0.0, values)


def _latent_scores(owners: Ints, correlation: float, models: int, rng: np.random.Generator) -> Values:
    """(C, M) standard normal numbers, correlated by `shopper` between the baskets of one shopper."""
    shopper_part = rng.standard_normal((int(owners.max()) + 1, models))[owners]
    latent: Values = np.sqrt(correlation) * shopper_part + np.sqrt(1 - correlation) * rng.standard_normal(
        (len(owners), models)
    )
    return latent


def _normal_cdf(values: Values) -> Values:
    """The normal distribution function after Abramowitz and Stegun 7.1.26, within 1.5e-7."""
    x = np.abs(values) / np.sqrt(2)
    t = 1 / (1 + 0.3275911 * x)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    tail = 0.5 * series * np.exp(-x * x)
    cdf: Values = np.where(values > 0, 1 - tail, tail)
    return cdf
