"""Training sets and rankers from a simulated shop, in numpy, without Spark and without a lake."""

import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from freshet.data.columns import EVENT_TYPE_CODES, RETURN_TYPE_CODE
from freshet.data.day_numbers import day_number
from freshet.data.history import Histories, Ints, model_input
from freshet.data.training_set import TrainingSet
from freshet.data.vocabulary import Vocabulary
from freshet.inference.baselines import build_baselines, save_baselines
from freshet.inference.bundle import BASELINES_FILE, GOLDEN_FILE, VOCABULARY_FILE, open_bundle, save_vocabulary
from freshet.inference.golden_requests import save_golden_requests
from freshet.inference.manifest import BundleInfo, write_manifest
from freshet.inference.ranker import Ranker, open_ranker
from freshet.inference.scoring import EncodedHistories
from freshet.model.params import TrainParams
from freshet.simulation.events import EVENT_NAMES, SimulatedEvents
from freshet.simulation.landing_files import build_export
from freshet.simulation.product_titles import CATEGORIES
from freshet.simulation.shop import Shop

POPULAR_DAYS = 7
log = logging.getLogger("freshet")


def simulated_training_set(shop: Shop, train_until: int, as_of: int) -> TrainingSet:
    """The training set as of day `as_of`, whose training days end with `train_until` (day numbers from 0).

    It has the valid rows of the export, each event once, under its user if known, else under its session.
    """
    rows = build_export(shop)
    rows = rows.take((rows.fault < 0) & ~rows.is_duplicate & (rows.landing_day <= as_of))
    events, first_day = shop.events.take(rows.event_index), day_number(shop.params.first_day)
    vocabulary, index = _vocabulary(shop, events.item, rows.landing_day)
    names, owner_index = np.unique(_shopper_ids(events), return_inverse=True)
    order = np.lexsort((rows.event_index, events.time, owner_index))
    histories = Histories(
        names,
        np.searchsorted(owner_index[order], np.arange(len(names) + 1)),
        index[events.item[order]],
        np.array([EVENT_TYPE_CODES[str(name)] for name in EVENT_NAMES])[events.event_type[order]],
        events.time[order],
        rows.landing_day[order] + first_day,
    )
    return _build_training_set(histories, vocabulary, first_day + train_until, first_day + as_of)


def train_ranker(dataset: TrainingSet, params: TrainParams, folder: Path) -> Ranker:
    """Train on `dataset`, export the model into `folder` as a bundle, and open its ranker in fp32."""
    from freshet.model.onnx_export import export, reference_outputs
    from freshet.training.trainer import train

    model = train(dataset, params, on_epoch=lambda p: log.info("epoch %d: NDCG@10 %.4f", p.epoch, p.ndcg_at_10)).model
    export(model.cpu(), dataset.vocabulary, folder)
    save_vocabulary(dataset.vocabulary, folder / VOCABULARY_FILE)
    save_baselines(build_baselines(dataset), folder / BASELINES_FILE)
    single_event = np.ones(1, np.int64)
    golden_history = Histories(np.array([""]), np.array([0, 1]), single_event, single_event, single_event, single_event)
    batch = model_input(golden_history, params.max_history)
    vectors, repeats = reference_outputs(model, *batch.pad())
    save_golden_requests(batch, EncodedHistories(vectors, repeats[0]), folder / GOLDEN_FILE)
    name = write_manifest(
        folder,
        BundleInfo(
            created_by="benchmark",
            precision="fp32",
            max_history=params.max_history,
            item_schema=model.config.item_schema,
            blend=model.config.blend,
            lineage={},
            parameters={},
            metrics={},
        ),
    )
    return open_ranker(open_bundle(folder, name))


def _shopper_ids(events: SimulatedEvents) -> NDArray[np.str_]:
    return np.where(events.logged_in, np.char.mod("u%05d", events.shopper), np.char.mod("s%06d", events.session))


def _vocabulary(shop: Shop, item: Ints, day: Ints) -> tuple[Vocabulary, Ints]:
    """(the vocabulary, catalogue position → item index); items are ordered by first landing day, then by id."""
    catalogue = shop.catalogue
    first_days = np.full(len(catalogue), np.iinfo(np.int64).max)
    np.minimum.at(first_days, item, day)
    landed_items = np.flatnonzero(first_days < np.iinfo(np.int64).max)
    ordered_items = landed_items[np.lexsort((catalogue.item_ids[landed_items], first_days[landed_items]))]
    index = np.zeros(len(catalogue), np.int64)
    index[ordered_items] = np.arange(1, len(ordered_items) + 1)
    names = np.array([name for name, *_ in CATEGORIES])
    vocabulary = Vocabulary(
        np.concatenate([[""], catalogue.item_ids[ordered_items]]),
        np.concatenate([[""], catalogue.titles[ordered_items]]),
        np.concatenate([[""], names[catalogue.categories[ordered_items]]]),
        np.concatenate([[np.nan], catalogue.prices[ordered_items]]),
        np.zeros(len(ordered_items) + 1, bool),
    )
    return vocabulary, index


def _build_training_set(histories: Histories, vocabulary: Vocabulary, train_until: int, as_of: int) -> TrainingSet:
    size, count = len(vocabulary) + 1, len(histories)
    owner = np.repeat(np.arange(count), np.diff(histories.offsets))
    is_train = histories.days <= train_until
    is_demand = is_train & (histories.types != RETURN_TYPE_CODE)
    is_recent = is_demand & (histories.days > train_until - POPULAR_DAYS)
    shopper_item_days = np.unique(np.stack([owner, histories.days, histories.items])[:, is_train], axis=1)
    audience = np.bincount(shopper_item_days[2], minlength=size).astype(np.float64)
    first_days = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(first_days, owner, histories.days)
    return TrainingSet(
        histories,
        vocabulary,
        popularity=np.bincount(histories.items[is_recent], minlength=size).astype(np.float64),
        audience=audience / max(1.0, audience.sum()),
        first_days=first_days,
        event_counts=np.bincount(owner[is_train], minlength=count),
        purchase_counts=np.bincount(
            owner[is_train & (histories.types == EVENT_TYPE_CODES["purchase"])], minlength=count
        ),
        train_until=train_until,
        as_of=as_of,
    )
