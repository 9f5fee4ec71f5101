"""A simulated shop's export as a training set and a ranker, without Spark: what the tables would hold, in numpy."""

import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from freshet.columns import RETURN_CODE, TYPE_CODE
from freshet.history import Histories, Ints, model_input
from freshet.live.baselines import build_baselines, save_baselines
from freshet.live.bundle import BASELINES, GOLDEN, VOCABULARY, open_bundle, save_vocabulary
from freshet.live.golden import make_golden
from freshet.live.manifest import seal
from freshet.live.ranker import Ranker, open_ranker
from freshet.live.scorer import Encoded
from freshet.model.params import TrainParams
from freshet.simulation.clock import day_number
from freshet.simulation.goods import CATEGORIES
from freshet.simulation.landing_files import export
from freshet.simulation.moments import EVENT_NAMES, SimulatedEvents
from freshet.simulation.shop import Shop
from freshet.training_set import TrainingSet
from freshet.vocabulary import Vocabulary

POPULAR_DAYS = 7
log = logging.getLogger("freshet")


def training_set(shop: Shop, cut: int, as_of: int) -> TrainingSet:
    """What had landed by day `as_of` (numbers of the shop's days, from 0), to learn from up to day `cut`.

    The good rows of the export; each event once, under its user where that is known, else under its session.
    """
    rows = export(shop)
    rows = rows.take((rows.fault < 0) & ~rows.copy & (rows.day <= as_of))
    events, opened = shop.events.take(rows.source), day_number(shop.params.first_day)
    vocabulary, index = _vocabulary(shop, events.item, rows.day)
    names, who = np.unique(_identities(events), return_inverse=True)
    order = np.lexsort((rows.source, events.time, who))
    histories = Histories(
        names,
        np.searchsorted(who[order], np.arange(len(names) + 1)),
        index[events.item[order]],
        np.array([TYPE_CODE[str(name)] for name in EVENT_NAMES])[events.kind[order]],
        events.time[order],
        rows.day[order] + opened,
    )
    return _with_demand(histories, vocabulary, opened + cut, opened + as_of)


def ranker(data: TrainingSet, params: TrainParams, folder: Path) -> Ranker:
    """Trained on `data`, exported into `folder` as a bundle and opened as it would serve, in fp32."""
    from freshet.model.export import export as write
    from freshet.model.export import reference_answer
    from freshet.model.training import train

    model = train(data, params, progress=lambda p: log.info("epoch %d: NDCG@10 %.4f", p.epoch, p.ndcg_at_10)).model
    write(model.cpu(), data.vocabulary, folder)
    save_vocabulary(data.vocabulary, folder / VOCABULARY)
    save_baselines(build_baselines(data), folder / BASELINES)
    one = np.ones(1, np.int64)
    asked = Histories(np.array([""]), np.array([0, 1]), one, one, one, one)
    batch = model_input(asked, params.length)
    vectors, repeats = reference_answer(model, *batch.padded())
    make_golden(batch, Encoded(vectors, repeats[0]), folder / GOLDEN)
    name = seal(
        folder,
        created_by="benchmark",
        precision="fp32",
        length=params.length,
        item_inputs=model.config.inputs,
        blend=model.config.blend,
        lineage={},
        parameters={},
        metrics={},
    )
    return open_ranker(open_bundle(folder, name))


def _identities(events: SimulatedEvents) -> NDArray[np.str_]:
    return np.where(events.known, np.char.mod("u%05d", events.shopper), np.char.mod("s%06d", events.visit))


def _vocabulary(shop: Shop, item: Ints, day: Ints) -> tuple[Vocabulary, Ints]:
    """The vocabulary, and item position → its index; items in the order of their first landing, then of their id."""
    goods = shop.catalogue
    met = np.full(len(goods), np.iinfo(np.int64).max)
    np.minimum.at(met, item, day)
    known = np.flatnonzero(met < np.iinfo(np.int64).max)
    ranked = known[np.lexsort((goods.item_ids[known], met[known]))]
    index = np.zeros(len(goods), np.int64)
    index[ranked] = np.arange(1, len(ranked) + 1)
    names = np.array([name for name, *_ in CATEGORIES])
    vocabulary = Vocabulary(
        np.concatenate([[""], goods.item_ids[ranked]]),
        np.concatenate([[""], goods.titles[ranked]]),
        np.concatenate([[""], names[goods.categories[ranked]]]),
        np.concatenate([[np.nan], goods.prices[ranked]]),
        np.zeros(len(ranked) + 1, bool),
    )
    return vocabulary, index


def _with_demand(histories: Histories, vocabulary: Vocabulary, cut: int, as_of: int) -> TrainingSet:
    size, count = len(vocabulary) + 1, len(histories)
    owner = np.repeat(np.arange(count), np.diff(histories.offsets))
    past = histories.days <= cut
    wanted = past & (histories.types != RETURN_CODE)
    recent = wanted & (histories.days > cut - POPULAR_DAYS)
    met = np.unique(np.stack([owner, histories.days, histories.items])[:, past], axis=1)
    audience = np.bincount(met[2], minlength=size).astype(np.float64)
    first = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(first, owner, histories.days)
    return TrainingSet(
        histories,
        vocabulary,
        popularity=np.bincount(histories.items[recent], minlength=size).astype(np.float64),
        audience=audience / max(1.0, audience.sum()),
        first_days=first,
        activity=np.bincount(owner[past], minlength=count),
        purchases=np.bincount(owner[past & (histories.types == TYPE_CODE["purchase"])], minlength=count),
        cut=cut,
        as_of=as_of,
    )
