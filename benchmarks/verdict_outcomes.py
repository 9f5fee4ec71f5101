"""What two models' answers to a shop's baskets are worth, drawn from a few measured figures: no data, no training."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from freshet.history import Ints
from freshet.judge.metrics import Values

MOST_BASKETS: Final = 500  # of a shopper in a window: a bot or a wholesaler


@dataclass(frozen=True)
class Pair:
    """How alike two trainings of one configuration answer. Measured on real pairs: docs/evaluation.md."""

    name: str
    quantiles: tuple[float, ...]  # of the NDCG@10 of a basket, at equal steps of probability from 0 to 1
    shared: float  # share of the latent variance that both models have in common
    shopper_level: float  # share of the common part that all baskets of a shopper have in common
    shopper_difference: float  # likewise of the part of one model alone

    @property
    def mean(self) -> float:
        """NDCG@10 over all baskets."""
        return float(np.trapezoid(self.quantiles, dx=1 / (len(self.quantiles) - 1)))

    def at_hit_rate(self, name: str, share: float) -> "Pair":
        """The same shop where only `share` of the baskets are as easy, and the list holds nothing for the others."""
        steps = np.linspace(0, 1, 20 * (len(self.quantiles) - 1) + 1)
        easy = np.clip((steps - 1 + share) / share, 0, 1)
        values = np.interp(easy, np.linspace(0, 1, len(self.quantiles)), self.quantiles)
        return replace(self, name=name, quantiles=tuple(values.tolist()))


# Two trainings of the default configuration, the second a day of events later, asked the same 9,705 baskets of the five
# days after: `ShopParams(seed=1, shoppers=2000)`, eight epochs, measured at 5cb979f: before the shop's
# rules were made richer and before sequential rules were mixed into models. Correlation of the NDCG 0.923.
SIMULATED: Final = Pair(
    "clicks of a simulated shop",
    quantiles=(
        *(9 * (0.0,)), 0.289, 0.315, 0.356, *(2 * (0.387,)), *(3 * (0.431,)), *(5 * (0.5,)), *(7 * (0.631,)),
        *(12 * (1.0,)),
    ),
    shared=0.96,
    shopper_level=0.016,
    shopper_difference=0.006,
)  # fmt: skip
CLICKS: Final = SIMULATED.at_hit_rate("clicks at a real shop's level", 0.52)
# The same, where the second training begins with the weights of the first (`warm_start`). Correlation 0.961.
WARM: Final = replace(CLICKS, name="the same, begun warm", shared=0.986, shopper_difference=0.026)
# As a model against what is popular: shoppers differ in whom it serves better. Design effect 1.6 at a few baskets each.
CLUSTERED: Final = replace(CLICKS, name="differences that are the shopper's", shared=0.8, shopper_difference=0.5)
PAIRS: Final = (SIMULATED, CLICKS, WARM, CLUSTERED)


@dataclass(frozen=True)
class Outcomes:
    """NDCG@10 of C baskets for M models that are equally good."""

    values: Values  # (C, M)
    owners: Ints  # (C,) shopper


def draw(pair: Pair, baskets: int, skew: float, models: int, rng: np.random.Generator) -> Outcomes:
    """Baskets of shoppers who have exp(skew · normal) of them each, at least one, asked of `models` equal models.

    A Gaussian copula: every model's latent number is the basket's, common to all, and one of its own, both with a
    part that is the shopper's; the quantiles turn it into an NDCG.
    """
    owners = shoppers_of(baskets, skew, rng)
    common = _latent(owners, pair.shopper_level, 1, rng)
    own = _latent(owners, pair.shopper_difference, models, rng)
    latent = np.sqrt(pair.shared) * common + np.sqrt(1 - pair.shared) * own
    steps = np.linspace(0, 1, len(pair.quantiles))
    return Outcomes(np.interp(_normal_cdf(latent), steps, pair.quantiles), owners)


def shoppers_of(baskets: int, skew: float, rng: np.random.Generator) -> Ints:
    """(C,) the shopper of each basket."""
    counts = np.minimum(np.floor(np.exp(skew * np.abs(rng.standard_normal(baskets)))), MOST_BASKETS)
    owners: Ints = np.repeat(np.arange(baskets), counts.astype(np.int64))[:baskets]
    return owners


def worse(values: Values, share: float, rng: np.random.Generator) -> Values:
    """The same model truly worse by `share`: so many of its answers are lost."""
    lost: NDArray[np.bool_] = rng.random(values.shape) < share
    return np.where(lost, 0.0, values)


def _latent(owners: Ints, shopper: float, models: int, rng: np.random.Generator) -> Values:
    """(C, M) standard normal numbers, correlated by `shopper` between the baskets of one shopper."""
    theirs = rng.standard_normal((int(owners.max()) + 1, models))[owners]
    latent: Values = np.sqrt(shopper) * theirs + np.sqrt(1 - shopper) * rng.standard_normal((len(owners), models))
    return latent


def _normal_cdf(values: Values) -> Values:
    """Abramowitz and Stegun 7.1.26: within 1.5e-7, without scipy."""
    x = np.abs(values) / np.sqrt(2)
    t = 1 / (1 + 0.3275911 * x)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    tail = 0.5 * series * np.exp(-x * x)
    below: Values = np.where(values > 0, 1 - tail, tail)
    return below
