"""Simulated shoppers at the gateway: they click, are shown a list, and click, buy or leave."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from freshet.simulation.live_shop import LiveShop, Visit
from pipelines.demo.gateway import Gateway

SHOWN = 10  # items of a list


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
        """`31.4 % ± 1.9`: the share and its standard error, in percent."""
        error = math.sqrt(self.share * (1 - self.share) / self.lists)
        return f"{self.share:.1%} ± {100 * error:.1f}"


def click_through(gateway: Gateway, shop: LiveShop, lists: int) -> ClickThrough:
    """So many visits, one after the other: clicks are posted, a list is asked for, the answer is posted, too."""
    reactions, posted = [], 0
    for who, visit in _visits(shop, lists):
        gateway.post(visit.events)
        shown = gateway.recommended(k=SHOWN, **who)
        reaction = shop.answer(visit, [item["item_id"] for item in shown["items"]])
        if reaction.events:
            gateway.post(reaction.events)
        posted += len(visit.events) + len(reaction.events)
        reactions.append(reaction.kind)
    clicked = sum(kind != "left" for kind in reactions)
    return ClickThrough(lists, clicked, reactions.count("bought"), posted)


def _visits(shop: LiveShop, count: int) -> Iterator[tuple[dict[str, str], Visit]]:
    for _ in range(count):
        visit = shop.visit()
        yield {"user_id": visit.user_id} if visit.user_id else {"session_id": visit.session_id}, visit
