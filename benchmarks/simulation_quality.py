"""Model against baselines on simulated shops: before a drift, after it, and trained again; and what shoppers click."""

import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.report import say
from benchmarks.simulation_training import ranker, training_set
from freshet.columns import EVENT_TYPES
from freshet.judge.comparison import (
    CHALLENGER,
    CHAMPION,
    ITEM_TO_ITEM,
    POPULAR,
    SEQUENTIAL_RULES,
    Evaluation,
    compare,
)
from freshet.live.ranker import Ranker
from freshet.live.released import Event, history_of
from freshet.model.params import TrainParams
from freshet.simulation.clock import DAY, day_number
from freshet.simulation.live_shop import Event as Posted
from freshet.simulation.live_shop import LiveShop
from freshet.simulation.params import Drift, DriftKind, ShopParams
from freshet.simulation.shop import Shop, generate
from freshet.training_set import TrainingSet

HOLDOUT = 7  # days that judge: Freshet's default
DRIFT_DAY, DAYS = 28, 77  # four weeks, then seven
LISTS, PLACES = 2_000, 10
SHOP = ShopParams(days=DAYS, looks=25.0)  # looks are of all days: as many a day as in the default's 28
TRAIN = TrainParams(max_epochs=8)
SMALL = TrainParams(
    max_epochs=8, steps_per_epoch=60, length=50, width=64, vector=64, blocks=1, members=1, learning_rate=5e-3
)  # as the demo's model


@dataclass(frozen=True)
class Quality:
    """Of one seed. NDCG@10 of the next basket, all items ranked; click-through of LISTS answered lists."""

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
class Calm:
    """NDCG@10 before the drift only, of one seed."""

    seed: int
    ndcg: dict[str, float]
    ratios: dict[str, float]  # the model against each baseline


def calm(seed: int, train: TrainParams, holdout: int = HOLDOUT) -> Calm:
    """A champion and the baselines on the last `holdout` days before the drift: the first third of `quality`."""
    known = training_set(generate(replace(SHOP, seed=seed)), DRIFT_DAY - 1 - holdout, DRIFT_DAY - 1)
    with tempfile.TemporaryDirectory() as folder:
        ndcg = _ndcg(compare(known, ranker(known, train, Path(folder)), None).evaluation)
    say(f"seed {seed}: {ndcg}")
    return Calm(seed, ndcg, {name: round(ndcg[CHALLENGER] / ndcg[name], 3) for name in ndcg if name != CHALLENGER})


def quality(
    seed: int, kind: DriftKind, shop_params: ShopParams = SHOP, train: TrainParams = TRAIN, holdout: int = HOLDOUT
) -> Quality:
    """Train before the drift, judge after it, train again at the shop's end.

    Before: as of the day before the drift. After: as of the shop's last day; both judged on their last `holdout` days.
    """
    begins = shop_params.drifts[0].day if shop_params.drifts else DRIFT_DAY
    # On the day of the drift shoppers are asked in the shop that has none: their habits as they were.
    steady, shop = (generate(replace(shop_params, seed=seed, drifts=d)) for d in ((), (Drift(kind, begins),)))
    with tempfile.TemporaryDirectory() as folder:
        known = training_set(shop, begins - 1 - holdout, begins - 1)
        champion = ranker(known, train, Path(folder) / "champion")
        before = _ndcg(compare(known, champion, None).evaluation)
        say(f"seed {seed}: before {before}")
        later = training_set(shop, shop_params.days - 1 - holdout, shop_params.days - 1)
        retrained = ranker(later, train, Path(folder) / "retrained")
        after = _ndcg(compare(later, retrained, champion).evaluation)
        say(f"seed {seed}: after {after}")
        clicks = [click_through(steady, begins, champion, known)]
        clicks += [click_through(shop, shop_params.days, model, later) for model in (champion, retrained)]
    return _summary(seed, before, after, *clicks)


def click_through(shop: Shop, day: int, model: Ranker, lake: TrainingSet, lists: int = LISTS) -> float:
    """Share of lists in which something was clicked. lake: who had done what before that day."""
    live, mine, clicked = LiveShop(shop, day), dict[str, list[Event]](), 0
    rows = {str(name): row for row, name in enumerate(lake.histories.shoppers)}
    midnight = (day_number(shop.params.first_day) + day) * DAY
    for _ in range(lists):
        visit = live.visit()
        who = visit.user_id or visit.session_id
        own = mine.setdefault(who, _landed(lake, rows[who], midnight) if who in rows else [])
        own += _as_events(visit.events)
        shown = model.recommend(history_of(own, model.bundle.vocabulary), PLACES)[0].item_ids
        reaction = live.answer(visit, shown)
        own += _as_events(reaction.events)
        clicked += reaction.kind != "left"
    return round(clicked / lists, 4)


def figures(found: list[Quality]) -> dict[str, object]:
    """For the JSON line: every seed, and the worst of what has to be reached."""
    return {
        "quality": [asdict(each) for each in found],
        "worst_ratio": min(each.ratio for each in found),
        "worst_recovered": min(each.recovered for each in found),
    }


def _ndcg(evaluation: Evaluation) -> dict[str, float]:
    return {name: round(row["ndcg@10"], 4) for name, row in evaluation.table.items()}


def _summary(seed: int, before: dict[str, float], after: dict[str, float], *clicks: float) -> Quality:
    lost = before[CHALLENGER] - after[CHAMPION]
    return Quality(
        seed,
        before[CHALLENGER],
        before[POPULAR],
        before[ITEM_TO_ITEM],
        before[SEQUENTIAL_RULES],
        _ratio(before),
        after[CHAMPION],
        after[CHALLENGER],
        round((after[CHALLENGER] - after[CHAMPION]) / lost, 3),
        _ratio(after),
        *clicks,
    )


def _ratio(ndcg: dict[str, float]) -> float:
    """Of the challenger to the best baseline."""
    return round(ndcg[CHALLENGER] / max(ndcg[name] for name in (POPULAR, ITEM_TO_ITEM, SEQUENTIAL_RULES)), 3)


def _landed(lake: TrainingSet, row: int, midnight: int) -> list[Event]:
    h, ids = lake.histories, lake.vocabulary.item_ids
    chosen = [n for n in range(h.offsets[row], h.offsets[row + 1]) if h.times[n] < midnight]
    return [(str(ids[h.items[n]]), EVENT_TYPES[h.types[n] - 1], int(h.times[n]), int(h.days[n])) for n in chosen]


def _as_events(posted: tuple[Posted, ...]) -> list[Event]:
    return [
        (str(e["item_id"]), str(e["event_type"]), int(np.datetime64(str(e["event_time"])[:-1], "s").astype(int)), 0)
        for e in posted
    ]
