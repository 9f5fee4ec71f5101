"""Repurchases: shoppers buy the same consumable again at regular intervals."""

from typing import Final

from freshet.simulation.array_types import Bools, Ints

MIN_PACK_DAYS, MAX_PACK_DAYS = 7, 21  # days that a pack lasts
P_BUY_REPLENISHMENT: Final = 0.5  # probability that a due consumable is bought; otherwise it is only viewed


def is_replenishment_due(period: Ints, phase: Ints, last_day: Ints, day: Ints) -> Bools:
    """Return whether a pack ran out since the previous session (B,). last_day: of that session, -1 = none."""
    return (last_day >= 0) & ((day + phase) // period > (last_day + phase) // period)
