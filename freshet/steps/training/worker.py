"""The worker process of a distributed training."""

import logging
from typing import TYPE_CHECKING

from freshet.artifacts import TrainingSetRef
from freshet.settings import Settings
from freshet.steps.training.launch import DeviceName
from freshet.steps.training.unfinished_trainings import training_checkpoint
from freshet.steps.training.warm_start import load_warm_start
from freshet.store import open_store
from freshet.tables.reader import load_training_set

if TYPE_CHECKING:
    from freshet.model.params import TrainParams
    from freshet.training.run_params import RunParams

log = logging.getLogger("freshet")


def train_worker(
    settings: Settings,
    ref: TrainingSetRef,
    params: "TrainParams",
    run_params: "RunParams",
    warm_start: bool,
    device: DeviceName,
) -> None:
    """Train together with the other workers. The result is the finished checkpoint in the lake.

    Each process reads the training set from the lake, so that no large data is sent between processes.
    """
    from freshet.training.distributed import join_process_group
    from freshet.training.trainer import TrainerContext, train

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    store, data = open_store(settings.lake), load_training_set(settings, ref)
    warm_model = load_warm_start(settings, store, data.vocabulary, params, data.train_until) if warm_start else None
    checkpoint = training_checkpoint(
        store, ref, params, run_params, settings.item_schema, warm_model.model_id if warm_model else ""
    )
    with join_process_group(device) as (process_group, rank_device):
        context = TrainerContext(checkpoint, process_group, rank_device, run_params, warm_model)
        train(
            data,
            params,
            device,
            lambda epoch: log.info("epoch %d: NDCG@10 %.4f", epoch.epoch, epoch.ndcg_at_10),
            context,
        )
