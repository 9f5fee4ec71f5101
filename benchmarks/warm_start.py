"""`python -m benchmarks.warm_start`: what a warm start costs beside a cold one, on days of a simulated shop.

A first model is trained cold. Then a day lands, and another: each model begins with the weights of the day before.
On the last day quality is drawn against cost: cold and warm, each trained for more and more epochs, all asked the same
baskets that landed after the cut.
"""

import argparse
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np

from benchmarks.report import finish, say
from benchmarks.simulation_training import training_set
from freshet.cases import next_basket_cases
from freshet.model.own import Model
from freshet.model.params import TrainParams
from freshet.model.training import Means, Progress, Trained, train
from freshet.model.validation import ndcg
from freshet.model.warm import Yesterday
from freshet.simulation.params import ShopParams
from freshet.simulation.shop import Shop, generate
from freshet.training_set import TrainingSet

JUDGED = 5  # days after the cut
COLD, WARM = (1, 2, 4, 8, 12), (1, 2, 3)  # epochs
EQUAL = 0.98  # of the best cold quality: what a bootstrap over these baskets cannot tell apart


@dataclass(frozen=True)
class Point:
    """One training: its quality on baskets that landed after the cut, and what it took."""

    start: str
    epochs: int
    ndcg_at_10: float
    seconds: float
    interactions: int  # events taken forward and back


def main() -> None:
    """Prints a line per training, then the JSON line."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--days", type=int, default=3, help="days that are trained warm, one after the other")
    arguments.add_argument("--shoppers", type=int, default=2000)
    asked = arguments.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    shop = generate(ShopParams(seed=asked.seed, shoppers=asked.shoppers))
    last = shop.params.days - 1 - JUDGED
    before = _chain(shop, last - asked.days, asked.days - 1)
    today = training_set(shop, last, last + JUDGED)
    kept = _point(today, before.model, "yesterday", 0, None)
    points = [kept, *_curve(today, before)]
    say("| start | epochs | NDCG@10 | seconds | interactions |\n|---|---:|---:|---:|---:|")
    for p in points:
        say(f"| {p.start} | {p.epochs} | {p.ndcg_at_10:.4f} | {p.seconds:.1f} | {p.interactions:,} |")
    finish("warm_start", {"points": [asdict(point) for point in points], **_summary(points)})


def _chain(shop: Shop, first: int, days: int) -> Yesterday:
    """A cold model as of day `first`, then a warm one a day."""
    model = _made(training_set(shop, first, first + JUDGED), _params(), None)
    for day in range(first + 1, first + 1 + days):
        model = _made(training_set(shop, day, day + JUDGED), _params(), model)
    return model


def _curve(today: TrainingSet, before: Yesterday) -> Iterator[Point]:
    for epochs in COLD:
        trained = train(today, _params(max_epochs=epochs), progress=_tell)
        yield _point(today, trained.model, "cold", epochs, trained)
    for epochs in WARM:
        trained = train(today, _params(warm_epochs=epochs), progress=_tell, means=Means(yesterday=before))
        say(f"remembered: {trained.remembered}")
        yield _point(today, trained.model, "warm", epochs, trained)


def _tell(p: Progress) -> None:
    say(f"  epoch {p.epoch} of {p.epochs}: loss {p.loss:.3f}, held-out NDCG@10 {p.ndcg_at_10:.4f}, {p.seconds:.1f} s")


def _params(**changed: int) -> TrainParams:
    return TrainParams(**{"patience": 99, **changed})


def _made(data: TrainingSet, params: TrainParams, yesterday: Yesterday | None) -> Yesterday:
    trained = train(data, params, progress=_tell, means=Means(yesterday=yesterday))
    say(f"cut {data.cut}: {trained.warm_from or 'cold'}, {trained.seconds:.1f} s, {_quality(data, trained.model):.4f}")
    return Yesterday(str(data.cut), trained.model, data.vocabulary.item_ids, data.vocabulary.generation, data.cut)


def _point(data: TrainingSet, model: Model, start: str, epochs: int, trained: Trained | None) -> Point:
    seconds = trained.seconds if trained else 0.0
    interactions = round(trained.seconds * trained.interactions_per_second) if trained else 0
    point = Point(start, epochs, round(_quality(data, model), 5), round(seconds, 2), interactions)
    say(str(point))
    return point


def _quality(data: TrainingSet, model: Model) -> float:
    """NDCG@10 of the baskets of the JUDGED days after the cut; items unknown to the model are a miss."""
    items = data.histories.items
    known = replace(data.histories, items=np.where(items <= model.config.items, items, 0))
    return ndcg(model, next_basket_cases(known, data.cut, data.as_of), TrainParams().length)


def _summary(points: list[Point]) -> dict[str, object]:
    """The share of a cold training's cost at which a warm one is as good."""
    cold = max((p for p in points if p.start == "cold"), key=lambda p: p.ndcg_at_10)
    enough = [p for p in points if p.start == "warm" and p.ndcg_at_10 >= EQUAL * cold.ndcg_at_10]
    if not enough:
        return {"best_cold": asdict(cold), "warm": None}
    warm = min(enough, key=lambda p: p.interactions)
    shares = {"seconds": warm.seconds / cold.seconds, "interactions": warm.interactions / cold.interactions}
    return {"best_cold": asdict(cold), "warm": asdict(warm), "share_of_cost": shares}


if __name__ == "__main__":
    main()
