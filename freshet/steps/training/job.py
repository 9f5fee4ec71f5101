"""A training job: its parameters, its processes and its checkpoint."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from freshet.artifacts import TrainingSetRef
from freshet.data.training_set import TrainingSet
from freshet.settings import Settings
from freshet.steps.training.launch import launch_workers
from freshet.steps.training.unfinished_trainings import training_checkpoint
from freshet.steps.training.worker import train_worker
from freshet.store import Store

if TYPE_CHECKING:
    from freshet.model.params import TrainParams
    from freshet.training.resume import TrainingCheckpoint
    from freshet.training.run_params import RunParams
    from freshet.training.trainer import EpochMetrics, TrainingResult
    from freshet.training.warm_start import WarmStartModel


@dataclass(frozen=True)
class TrainingJob:
    """A training of `params` on a training set; the warm-start model is given when it runs."""

    settings: Settings
    store: Store
    ref: TrainingSetRef
    params: "TrainParams"
    run_params: "RunParams"
    on_epoch: Callable[["EpochMetrics"], None]

    def train(self, data: TrainingSet, warm_model: "WarmStartModel | None") -> "TrainingResult":
        """Train in this process or in several; the checkpoint stays until `discard_state`."""
        from freshet.training.trainer import TrainerContext, train

        context = TrainerContext(self._checkpoint(warm_model), run_params=self.run_params, warm_start=warm_model)
        if self.run_params.distributed != "none":
            worker_args = (self.settings, self.ref, self.params, self.run_params, warm_model is not None)
            launch_workers(train_worker, worker_args, self.run_params, self.settings.training_device)
        # After distributed workers, this loads the finished state that they left in the checkpoint.
        return train(data, self.params, self.settings.training_device, self.on_epoch, context)

    def discard_state(self, warm_model: "WarmStartModel | None") -> None:
        """Remove the checkpoint, once the model is stored or rejected."""
        self._checkpoint(warm_model).remove()

    def _checkpoint(self, warm_model: "WarmStartModel | None") -> "TrainingCheckpoint":
        warm_model_id = warm_model.model_id if warm_model else ""
        return training_checkpoint(
            self.store, self.ref, self.params, self.run_params, self.settings.item_schema, warm_model_id
        )
