"""What a simulated shop is like, and what changes in it."""

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, get_args

from freshet.errors import SettingsError
from freshet.simulation.product_titles import CATEGORIES

DriftKind = Literal["taste", "habit", "catalogue", "prices", "traffic", "tracking", "season"]
DRIFT_KINDS: Final[tuple[str, ...]] = get_args(DriftKind)
RULES_VERSION: Final = 2  # version of the shop's rules: raise it whenever the same parameters give another shop


@dataclass(frozen=True)
class Drift:
    """Something that is different from a day on.

    taste: a share `strength` of shoppers like other categories. habit: after a share of the items other items are
    looked at next, and a share of the shoppers needs things in another order. catalogue: a share of the items is
    replaced by new ones. prices: up by half, times `strength`. traffic: four times as many guests and ten times as
    many bots. tracking: a share of the rows loses title and category, and as large a share of the carts is never sent.
    season: the seasons come half a year early.
    """

    kind: DriftKind
    day: int  # number of the first day, from 0
    strength: float = 1.0  # 0 = nothing changes, 1 = as much as can

    def __post_init__(self) -> None:
        if self.kind not in DRIFT_KINDS:
            raise SettingsError("drift", f"there is no kind {self.kind!r}", f"use one of {', '.join(DRIFT_KINDS)}")
        if not 0 <= self.strength <= 1:
            raise SettingsError(f"drift {self.kind}", f"strength {self.strength:g}", "give a share between 0 and 1")
        if self.day < 0:
            raise SettingsError(f"drift {self.kind}", f"day {self.day}", "days are counted from 0")


@dataclass(frozen=True)
class ShopParams:
    """What the shop is like. Shares are of 1. Where the defaults come from: docs/simulation.md."""

    seed: int = 1
    first_day: date = date(2026, 1, 5)
    days: int = 28
    shoppers: int = 2_000  # who have an account; guests come on top
    items: int = 600  # on sale at any moment
    categories: int = len(CATEGORIES)
    views_per_shopper: float = 9.0  # items a shopper looks at in all days: the median of a long-tailed distribution
    views_per_session: float = 3.0  # items looked at in a visit: the median of a long-tailed distribution
    p_follow_link: float = 0.64  # how often the next item follows from those before
    p_revisit: float = 0.12  # how often it is one of the last few once more
    p_related_click: float = 0.15  # how often it is clicked in the list beside the one before
    cart_share: float = 0.10
    buy_share: float = 0.35  # of what was put in the cart
    return_share: float = 0.06  # of what was bought, days later
    guest_share: float = 0.2  # visits of people who never log in: each visit is a stranger
    login_share: float = 0.1  # visits in which a shopper logs in only half-way through
    bot_share: float = 0.001  # visits of bots: a hundred items or more, seconds apart
    catalogue_churn: float = 0.002  # items that make way for a new one, per day
    late_share: float = 0.005  # events that land a day late
    duplicate_share: float = 0.004  # events delivered twice
    bad_share: float = 0.003  # rows that break the contract, on top
    drifts: tuple[Drift, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.categories <= len(CATEGORIES):
            what = f"{self.categories} categories"
            raise SettingsError("shop", what, f"the catalogue knows 1 to {len(CATEGORIES)}")
        if self.items < self.categories or min(self.shoppers, self.days) < 1:
            what = f"{self.shoppers} shoppers, {self.days} days, {self.items} items in {self.categories} categories"
            raise SettingsError("shop", what, "a shop needs a shopper, a day, and an item in every category")

    def drift_strength(self, kind: DriftKind, day: int) -> float:
        """How far things of this kind are from what they were, on a day: the strongest drift that has begun."""
        return max((d.strength for d in self.drifts if d.kind == kind and d.day <= day), default=0.0)
