"""What a simulated shop is like."""

from dataclasses import dataclass
from datetime import date

from freshet.simulation.catalogue import CATEGORIES


@dataclass(frozen=True)
class ShopParams:
    """What the shop is like. Shares are of 1."""

    seed: int = 1
    first_day: date = date(2026, 1, 5)
    days: int = 21
    shoppers: int = 2_000
    items: int = 600
    categories: int = len(CATEGORIES)
    looks: float = 20.0  # items a shopper looks at in all days: the median of a long-tailed distribution
    follow: float = 0.75  # how often the next item follows from the one before
    cart_share: float = 0.18
    buy_share: float = 0.5  # of what was put in the cart
    visit_share: float = 0.2  # how often a look begins a new visit
    guest_share: float = 0.15  # shoppers who never log in: each visit is a stranger
    late_share: float = 0.005  # events that land a day late
    duplicate_share: float = 0.004  # events delivered twice
    bad_share: float = 0.003  # rows that break the contract, on top

    def __post_init__(self) -> None:
        if not 1 <= self.categories <= len(CATEGORIES):
            raise ValueError(f"categories={self.categories}: the catalogue knows 1 to {len(CATEGORIES)}")
        if self.items < self.categories or min(self.shoppers, self.days) < 1:
            raise ValueError("a shop needs a shopper, a day, and an item in every category")
