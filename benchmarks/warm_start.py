"""Cost and quality of a warm start beside a cold one, on days of a simulated shop.

    python -m benchmarks.warm_start [--seed 1] [--days 3] [--shoppers 2000]

A first model is trained cold; the model of each further day starts from the weights of the day before. On the last day
cold and warm trainings of several lengths are compared on the baskets landed after the training days. Last line: JSON.
"""

import argparse
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np

from benchmarks.report import print_progress, print_result
from benchmarks.simulation_training import simulated_training_set
from freshet.data.eval_cases import next_basket_cases
from freshet.data.training_set import TrainingSet
from freshet.model.custom import Model
from freshet.model.params import TrainParams
from freshet.simulation.params import ShopParams
from freshet.simulation.shop import Shop, generate
from freshet.training.trainer import EpochMetrics, TrainerContext, TrainingResult, train
from freshet.training.validation import mean_ndcg
from freshet.training.warm_start import WarmStartModel

EVALUATED_DAYS = 5  # after the last training day
COLD_EPOCHS, WARM_EPOCHS = (1, 2, 4, 8, 12), (1, 2, 3)
EQUAL_QUALITY_SHARE = 0.98  # of the best cold quality; a bootstrap over these baskets sees no difference


@dataclass(frozen=True)
class TrainingPoint:
    """Quality and cost of one training. ndcg_at_10: on the baskets landed after the training days."""

    start: str
    epochs: int
    ndcg_at_10: float
    seconds: float
    interactions: int  # events in forward and backward passes


def main() -> None:
    """Train, print a line per training and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=3, help="number of warm starts, one a day")
    parser.add_argument("--shoppers", type=int, default=2000)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    shop = generate(ShopParams(seed=args.seed, shoppers=args.shoppers))
    last_day = shop.params.days - 1 - EVALUATED_DAYS
    warm_model = _warm_start_chain(shop, last_day - args.days, args.days - 1)
    dataset = simulated_training_set(shop, last_day, last_day + EVALUATED_DAYS)
    stale_point = _training_point(dataset, warm_model.model, "day before", 0, None)
    points = [stale_point, *_quality_curve(dataset, warm_model)]
    print_progress("| start | epochs | NDCG@10 | seconds | interactions |\n|---|---:|---:|---:|---:|")
    for p in points:
        print_progress(f"| {p.start} | {p.epochs} | {p.ndcg_at_10:.4f} | {p.seconds:.1f} | {p.interactions:,} |")
    print_result("warm_start", {"points": [asdict(point) for point in points], **_summary(points)})


def _warm_start_chain(shop: Shop, first_day: int, days: int) -> WarmStartModel:
    """Train cold as of `first_day`, then warm for each of `days` further days; returns the last model."""
    model = _train_model(simulated_training_set(shop, first_day, first_day + EVALUATED_DAYS), _train_params(), None)
    for day in range(first_day + 1, first_day + 1 + days):
        model = _train_model(simulated_training_set(shop, day, day + EVALUATED_DAYS), _train_params(), model)
    return model


def _quality_curve(dataset: TrainingSet, warm_model: WarmStartModel) -> Iterator[TrainingPoint]:
    for epochs in COLD_EPOCHS:
        result = train(dataset, _train_params(max_epochs=epochs), on_epoch=_print_epoch)
        yield _training_point(dataset, result.model, "cold", epochs, result)
    for epochs in WARM_EPOCHS:
        result = train(
            dataset,
            _train_params(warm_epochs=epochs),
            on_epoch=_print_epoch,
            context=TrainerContext(warm_start=warm_model),
        )
        print_progress(f"forgetting: {result.forgetting}")
        yield _training_point(dataset, result.model, "warm", epochs, result)


def _print_epoch(p: EpochMetrics) -> None:
    print_progress(
        f"  epoch {p.epoch} of {p.max_epochs}: loss {p.loss:.3f}, held-out NDCG@10 {p.ndcg_at_10:.4f}, "
        f"{p.seconds:.1f} s"
    )


def _train_params(**overrides: int) -> TrainParams:
    return TrainParams(**{"patience": 99, **overrides})


def _train_model(dataset: TrainingSet, params: TrainParams, warm_model: WarmStartModel | None) -> WarmStartModel:
    result = train(dataset, params, on_epoch=_print_epoch, context=TrainerContext(warm_start=warm_model))
    print_progress(
        f"trained until {dataset.train_until}: {result.warm_start_id or 'cold'}, {result.seconds:.1f} s, "
        f"{_next_basket_ndcg(dataset, result.model):.4f}"
    )
    return WarmStartModel(
        str(dataset.train_until),
        result.model,
        dataset.vocabulary.item_ids,
        dataset.vocabulary.generation,
        dataset.train_until,
    )


def _training_point(
    dataset: TrainingSet, model: Model, start: str, epochs: int, result: TrainingResult | None
) -> TrainingPoint:
    seconds = result.seconds if result else 0.0
    interactions = round(result.seconds * result.events_per_second) if result else 0
    point = TrainingPoint(start, epochs, round(_next_basket_ndcg(dataset, model), 5), round(seconds, 2), interactions)
    print_progress(str(point))
    return point


def _next_basket_ndcg(dataset: TrainingSet, model: Model) -> float:
    """NDCG@10 of the baskets after the training days; items unknown to the model are a miss."""
    items = dataset.histories.items
    in_vocabulary = replace(dataset.histories, items=np.where(items <= model.config.n_items, items, 0))
    return mean_ndcg(
        model, next_basket_cases(in_vocabulary, dataset.train_until, dataset.as_of), TrainParams().max_history
    )


def _summary(points: list[TrainingPoint]) -> dict[str, object]:
    """The cheapest warm training that is as good as the best cold one, and its share of that one's cost."""
    cold = max((p for p in points if p.start == "cold"), key=lambda p: p.ndcg_at_10)
    good_enough = [p for p in points if p.start == "warm" and p.ndcg_at_10 >= EQUAL_QUALITY_SHARE * cold.ndcg_at_10]
    if not good_enough:
        return {"best_cold": asdict(cold), "warm": None}
    warm = min(good_enough, key=lambda p: p.interactions)
    shares = {"seconds": warm.seconds / cold.seconds, "interactions": warm.interactions / cold.interactions}
    return {"best_cold": asdict(cold), "warm": asdict(warm), "share_of_cost": shares}


if __name__ == "__main__":
    main()
