"""Parts of the shop that a challenger serves worse than the champion, found among several without crying wolf."""

from dataclasses import dataclass

from freshet.judge.comparison import CHALLENGER, CHAMPION, Comparison, Part
from freshet.judge.guard_params import GuardParams
from freshet.judge.metrics import Values, ndcg
from freshet.judge.paired import Paired, paired


@dataclass(frozen=True)
class Fall:
    """A slice in which the challenger is surely worse than the champion."""

    name: str
    cases: int
    challenger: float  # mean NDCG
    champion: float
    surely: float  # the champion is better by at least this share of its NDCG
    far: bool  # by more than the margin

    @property
    def words(self) -> str:
        """`rare items 0.1200 → 0.0900 (412 baskets, surely 11% worse)`."""
        figures = f"{self.champion:.4f} → {self.challenger:.4f}"
        return f"{self.name} {figures} ({self.cases:,} baskets, surely {self.surely:.0%} worse)"


def falls(comparison: Comparison, k: int, confidence: float, params: GuardParams) -> tuple[Fall, ...]:
    """Slices that are surely worse, the worst first; none without a champion.

    Each is tested on its own baskets, over shoppers. The error of one test is divided by the number of slices
    (Bonferroni): of ten slices that stayed as they are one has a false alarm on one night of twenty, not of two.
    """
    if CHAMPION not in comparison.scores:
        return ()
    results = {name: _paired(part, k) for name, part in comparison.parts.items()}
    tested = {name: result for name, result in results.items() if result.shoppers >= params.slice_shoppers}
    each = 1 - (1 - confidence) / max(1, len(tested))
    fallen = (_fall(name, comparison.parts[name], result.upper(each), k, params) for name, result in tested.items())
    return tuple(sorted((fall for fall in fallen if fall.surely > 0), key=lambda fall: -fall.surely))


def _paired(part: Part, k: int) -> Paired:
    return paired(_ndcg(part, CHALLENGER, k) - _ndcg(part, CHAMPION, k), part.owners)


def _fall(name: str, part: Part, upper: float, k: int, params: GuardParams) -> Fall:
    challenger, champion = (float(_ndcg(part, who, k).mean()) for who in (CHALLENGER, CHAMPION))
    surely = -upper / champion if champion > 0 else 0.0
    return Fall(name, len(part.owners), challenger, champion, surely, surely > params.slice_margin)


def _ndcg(part: Part, name: str, k: int) -> Values:
    return ndcg(part.scores[name].hits, part.scores[name].sizes, k)
