"""Simulated shoppers at the gateway: they click, are shown a list, and click, buy or leave."""

import math
from dataclasses import dataclass

from freshet.simulation.live_shop import LiveShop
from pipelines.demo.gateway import Gateway
from pipelines.visits import visit_once


@dataclass(frozen=True)
class ClickThrough:
    """What became of the lists that were shown."""

    lists: int
    clicked: int
    bought: int
    posted: int  # events, all acknowledged

    @property
    def share(self) -> float:
        """Lists with a click, of all."""
        return self.clicked / self.lists

    def __str__(self) -> str:
        """`31.4 ± 1.9 %`: the share and its standard error."""
        error = math.sqrt(self.share * (1 - self.share) / self.lists)
        return f"{100 * self.share:.1f} ± {100 * error:.1f} %"


def click_through(gateway: Gateway, shop: LiveShop, lists: int) -> ClickThrough:
    """So many visits, one after the other: clicks are posted, a list is asked for, the answer is posted, too."""
    visited = [visit_once(gateway, shop) for _ in range(lists)]
    kinds = [found.reaction.kind for found in visited if found.reaction is not None]
    clicked = sum(kind != "left" for kind in kinds)
    return ClickThrough(len(kinds), clicked, kinds.count("bought"), sum(found.posted for found in visited))
