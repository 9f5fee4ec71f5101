"""One of several processes that train the same model: what each of them does."""

import logging
from typing import TYPE_CHECKING

from freshet.references import TrainingSetRef
from freshet.settings import Settings
from freshet.stages.launch import Place
from freshet.stages.unfinished import resume_point
from freshet.stages.yesterday import yesterday_of
from freshet.store import open_store
from freshet.tables.reading import load_training_set

if TYPE_CHECKING:
    from freshet.model.params import TrainParams
    from freshet.model.run_params import RunParams

log = logging.getLogger("freshet")


def share(
    settings: Settings, ref: TrainingSetRef, params: "TrainParams", run: "RunParams", warm: bool, place: Place
) -> None:
    """Train with the others until the end. The outcome lies in the lake, as the state of a training that is over.

    Each process reads the training set from the lake itself, so nothing large goes from one to the other.
    """
    from freshet.model.ranks import joined
    from freshet.model.training import Means, train

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    store, data = open_store(settings.lake), load_training_set(settings, ref)
    yesterday = yesterday_of(settings, store, data.vocabulary, params, data.cut) if warm else None
    resume = resume_point(store, ref, params, run, settings.item_inputs, yesterday.id if yesterday else "")
    with joined(place) as (ranks, where):
        means = Means(resume, ranks, where, run, yesterday)
        train(data, params, place, lambda p: log.info("epoch %d: NDCG@10 %.4f", p.epoch, p.ndcg_at_10), means)
