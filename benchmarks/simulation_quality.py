"""Model and baselines on simulated shops before a drift, after it and after a retraining: NDCG@10 and click-through."""

import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.report import print_progress
from benchmarks.simulation_training import simulated_training_set, train_ranker
from freshet.data.columns import EVENT_TYPES
from freshet.data.day_numbers import day_number
from freshet.data.history_events import HistoryEvent, to_history
from freshet.data.training_set import TrainingSet
from freshet.evaluation.comparison import CHALLENGER, CHAMPION, ITEM_KNN, POPULAR, SEQUENTIAL_RULES, Evaluation, compare
from freshet.inference.ranker import Ranker
from freshet.model.params import TrainParams
from freshet.simulation.live_shop import EventPayload as Posted
from freshet.simulation.live_shop import LiveShop
from freshet.simulation.params import Drift, DriftKind, ShopParams
from freshet.simulation.seasonality import DAY_SECONDS
from freshet.simulation.shop import Shop, generate

HOLDOUT_DAYS = 7  # Freshet's default
DRIFT_DAY, N_DAYS = 28, 77  # four weeks, then seven
N_LISTS, TOP_K = 2_000, 10
SHOP_PARAMS = ShopParams(days=N_DAYS, views_per_shopper=25.0)  # as many views per day as in the default's 28 days
TRAIN_PARAMS = TrainParams(max_epochs=8)
SMALL_TRAIN_PARAMS = TrainParams(
    max_epochs=8,
    steps_per_epoch=60,
    max_history=50,
    hidden_dim=64,
    embedding_dim=64,
    n_layers=1,
    ensemble_size=1,
    learning_rate=5e-3,
)  # as the demo's model


@dataclass(frozen=True)
class DriftQuality:
    """Of one seed: NDCG@10 of the next basket, all items ranked, and click-through rates of N_LISTS lists."""

    seed: int
    model: float
    popular: float
    item_to_item: float
    sequential_rules: float
    ratio: float  # model / best baseline, before the drift
    champion_after: float
    retrained: float
    recovered: float  # (retrained - champion after) / (model - champion after)
    ratio_after: float  # retrained / best baseline, after the drift
    clicks_before: float
    clicks_after: float
    clicks_retrained: float


@dataclass(frozen=True)
class BaselineQuality:
    """NDCG@10 before the drift only, of one seed."""

    seed: int
    ndcg: dict[str, float]
    ratios: dict[str, float]  # the model against each baseline


def measure_before_drift(seed: int, train: TrainParams, holdout: int = HOLDOUT_DAYS) -> BaselineQuality:
    """Train a model on the days before the drift; the last `holdout` of them evaluate it and the baselines."""
    dataset = simulated_training_set(generate(replace(SHOP_PARAMS, seed=seed)), DRIFT_DAY - 1 - holdout, DRIFT_DAY - 1)
    with tempfile.TemporaryDirectory() as folder:
        ndcg = _ndcg_by_model(compare(dataset, train_ranker(dataset, train, Path(folder)), None).evaluation)
    print_progress(f"seed {seed}: {ndcg}")
    return BaselineQuality(
        seed, ndcg, {name: round(ndcg[CHALLENGER] / ndcg[name], 3) for name in ndcg if name != CHALLENGER}
    )


def measure_with_drift(
    seed: int,
    kind: DriftKind,
    shop_params: ShopParams = SHOP_PARAMS,
    train: TrainParams = TRAIN_PARAMS,
    holdout: int = HOLDOUT_DAYS,
) -> DriftQuality:
    """Train a model before the drift and another on all days, and evaluate both after the drift.

    Before: as of the day before the drift; after: as of the shop's last day. The last `holdout` days evaluate.
    """
    drift_day = shop_params.drifts[0].day if shop_params.drifts else DRIFT_DAY
    # The click-through before the drift is measured on the day of the drift, in the shop without it.
    shop_without_drift, shop = (
        generate(replace(shop_params, seed=seed, drifts=d)) for d in ((), (Drift(kind, drift_day),))
    )
    with tempfile.TemporaryDirectory() as folder:
        dataset_before = simulated_training_set(shop, drift_day - 1 - holdout, drift_day - 1)
        champion = train_ranker(dataset_before, train, Path(folder) / "champion")
        ndcg_before = _ndcg_by_model(compare(dataset_before, champion, None).evaluation)
        print_progress(f"seed {seed}: before {ndcg_before}")
        dataset_after = simulated_training_set(shop, shop_params.days - 1 - holdout, shop_params.days - 1)
        retrained = train_ranker(dataset_after, train, Path(folder) / "retrained")
        ndcg_after = _ndcg_by_model(compare(dataset_after, retrained, champion).evaluation)
        print_progress(f"seed {seed}: after {ndcg_after}")
        clicks = [click_through(shop_without_drift, drift_day, champion, dataset_before)]
        clicks += [click_through(shop, shop_params.days, model, dataset_after) for model in (champion, retrained)]
    return _quality_row(seed, ndcg_before, ndcg_after, *clicks)


def click_through(shop: Shop, day: int, model: Ranker, dataset: TrainingSet, n_lists: int = N_LISTS) -> float:
    """Share of lists with a click. dataset: the histories of the shoppers before that day."""
    live_shop, events_by_shopper, n_clicked = LiveShop(shop, day), dict[str, list[HistoryEvent]](), 0
    rows = {str(name): row for row, name in enumerate(dataset.histories.shoppers)}
    midnight = (day_number(shop.params.first_day) + day) * DAY_SECONDS
    for _ in range(n_lists):
        visit = live_shop.start_session()
        shopper = visit.user_id or visit.session_id
        events = events_by_shopper.setdefault(
            shopper, _landed_events(dataset, rows[shopper], midnight) if shopper in rows else []
        )
        events += _as_events(visit.events)
        item_ids = model.recommend(to_history(events, model.bundle.vocabulary), TOP_K)[0].item_ids
        reaction = live_shop.react_to_list(visit, item_ids)
        events += _as_events(reaction.events)
        n_clicked += reaction.kind != "left"
    return round(n_clicked / n_lists, 4)


def summarize(qualities: list[DriftQuality]) -> dict[str, object]:
    """The figures of the JSON line: every seed, and the worst ratio and recovery."""
    return {
        "quality": [asdict(quality) for quality in qualities],
        "worst_ratio": min(each.ratio for each in qualities),
        "worst_recovered": min(each.recovered for each in qualities),
    }


def _ndcg_by_model(evaluation: Evaluation) -> dict[str, float]:
    return {name: round(row["ndcg@10"], 4) for name, row in evaluation.table.items()}


def _quality_row(
    seed: int, ndcg_before: dict[str, float], ndcg_after: dict[str, float], *clicks: float
) -> DriftQuality:
    ndcg_drop = ndcg_before[CHALLENGER] - ndcg_after[CHAMPION]
    return DriftQuality(
        seed,
        ndcg_before[CHALLENGER],
        ndcg_before[POPULAR],
        ndcg_before[ITEM_KNN],
        ndcg_before[SEQUENTIAL_RULES],
        _model_to_baseline_ratio(ndcg_before),
        ndcg_after[CHAMPION],
        ndcg_after[CHALLENGER],
        round((ndcg_after[CHALLENGER] - ndcg_after[CHAMPION]) / ndcg_drop, 3),
        _model_to_baseline_ratio(ndcg_after),
        *clicks,
    )


def _model_to_baseline_ratio(ndcg: dict[str, float]) -> float:
    """NDCG of the challenger relative to the best baseline."""
    return round(ndcg[CHALLENGER] / max(ndcg[name] for name in (POPULAR, ITEM_KNN, SEQUENTIAL_RULES)), 3)


def _landed_events(dataset: TrainingSet, row: int, midnight: int) -> list[HistoryEvent]:
    h, ids = dataset.histories, dataset.vocabulary.item_ids
    rows = [n for n in range(h.offsets[row], h.offsets[row + 1]) if h.times[n] < midnight]
    return [
        HistoryEvent(str(ids[h.items[n]]), EVENT_TYPES[h.types[n] - 1], int(h.times[n]), int(h.days[n])) for n in rows
    ]


def _as_events(posted: tuple[Posted, ...]) -> list[HistoryEvent]:
    return [
        HistoryEvent(
            str(e["item_id"]), str(e["event_type"]), int(np.datetime64(str(e["event_time"])[:-1], "s").astype(int)), 0
        )
        for e in posted
    ]
