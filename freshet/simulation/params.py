"""Parameters of the simulated shop and of its drifts."""

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, get_args

from freshet.errors import SettingsError
from freshet.simulation.product_titles import CATEGORIES

DriftKind = Literal["taste", "habit", "catalogue", "prices", "traffic", "tracking", "season"]
DRIFT_KINDS: Final[tuple[str, ...]] = get_args(DriftKind)
RULES_VERSION: Final = 2  # version of the simulation: raise it when the same parameters give another shop


@dataclass(frozen=True)
class Drift:
    """A change from one day on.

    kind: `taste`, a share `strength` of the shoppers has other favourite categories; `habit`, the links of a share of
    the items change, and a share of the shoppers needs categories in another order; `catalogue`, a share of the items
    is replaced by new ones; `prices`, they rise by 50 % times `strength`; `traffic`, at full strength four times as
    many guests and ten times as many bots; `tracking`, a share of the rows loses title and category, the same share of
    the cart events is lost; `season`, the seasons come half a year early.
    """

    kind: DriftKind
    day: int  # number of the first day, from 0
    strength: float = 1.0  # 0 = no change, 1 = the full change

    def __post_init__(self) -> None:
        if self.kind not in DRIFT_KINDS:
            raise SettingsError("drift", f"unknown kind {self.kind!r}", f"use one of {', '.join(DRIFT_KINDS)}")
        if not 0 <= self.strength <= 1:
            raise SettingsError(f"drift {self.kind}", f"strength {self.strength:g}", "give a share between 0 and 1")
        if self.day < 0:
            raise SettingsError(f"drift {self.kind}", f"day {self.day}", "days are counted from 0")


@dataclass(frozen=True)
class ShopParams:
    """Parameters of the shop. Shares and probabilities are from 0 to 1. docs/simulation.md explains the defaults."""

    seed: int = 1
    first_day: date = date(2026, 1, 5)
    days: int = 28
    shoppers: int = 2_000  # with an account; guests come on top
    items: int = 600  # on sale at any time
    categories: int = len(CATEGORIES)
    views_per_shopper: float = 9.0  # views of a shopper over all days: the median of a long-tailed distribution
    views_per_session: float = 3.0  # the median of a long-tailed distribution
    p_follow_link: float = 0.64  # the next view follows from the previous ones
    p_revisit: float = 0.12  # the next view is a recent item again
    p_related_click: float = 0.15  # the next view is a click in the related list of the previous item
    cart_share: float = 0.10  # of the views
    buy_share: float = 0.35  # of the carts
    return_share: float = 0.06  # of the purchases, days later
    guest_share: float = 0.2  # sessions without a log-in: each is a new guest
    login_share: float = 0.1  # sessions of members who log in only half-way through
    bot_share: float = 0.001  # sessions of bots: 60 to 300 views, seconds apart
    catalogue_churn: float = 0.002  # items replaced by a new one, per day
    late_share: float = 0.005  # events that land a day late
    duplicate_share: float = 0.004  # events delivered twice
    bad_share: float = 0.003  # invalid rows, on top
    drifts: tuple[Drift, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.categories <= len(CATEGORIES):
            what = f"{self.categories} categories"
            raise SettingsError("shop", what, f"choose 1 to {len(CATEGORIES)}")
        if self.items < self.categories or min(self.shoppers, self.days) < 1:
            what = f"{self.shoppers} shoppers, {self.days} days, {self.items} items in {self.categories} categories"
            raise SettingsError("shop", what, "use at least one shopper, one day, and one item in every category")

    def drift_strength(self, kind: DriftKind, day: int) -> float:
        """Return the strength of the strongest drift of this kind that has begun by a day; 0 without one."""
        return max((d.strength for d in self.drifts if d.kind == kind and d.day <= day), default=0.0)
