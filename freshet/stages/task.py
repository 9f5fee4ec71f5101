"""One training as it was asked for: on how many processes, from which state, and where it is taken up."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from freshet.references import TrainingSetRef
from freshet.settings import Settings
from freshet.stages.launch import launch
from freshet.stages.shared import share
from freshet.stages.unfinished import resume_point
from freshet.store import Store
from freshet.training_set import TrainingSet

if TYPE_CHECKING:
    from freshet.model.params import TrainParams
    from freshet.model.resume import ResumePoint
    from freshet.model.run_params import RunParams
    from freshet.model.training import Progress, Trained
    from freshet.model.warm import Yesterday


@dataclass(frozen=True)
class Task:
    """What is trained and how; what it begins from comes when it is done."""

    settings: Settings
    store: Store
    ref: TrainingSetRef
    params: "TrainParams"
    run: "RunParams"
    tell: Callable[["Progress"], None]

    def done(self, data: TrainingSet, yesterday: "Yesterday | None") -> "Trained":
        """Trained to the end, in this process or with others. Its state stays until `forget`."""
        from freshet.model.training import Means, train

        means = Means(self._state(yesterday), run=self.run, yesterday=yesterday)
        if self.run.distribute != "one":
            arguments = (self.settings, self.ref, self.params, self.run, yesterday is not None)
            launch(share, arguments, self.run, self.settings.device)
        # What others have trained to the end is only taken up here.
        return train(data, self.params, self.settings.device, self.tell, means)

    def forget(self, yesterday: "Yesterday | None") -> None:
        """What came of it was kept or refused: nothing of it is resumed."""
        self._state(yesterday).remove()

    def _state(self, yesterday: "Yesterday | None") -> "ResumePoint":
        basis = yesterday.id if yesterday else ""
        return resume_point(self.store, self.ref, self.params, self.run, self.settings.item_inputs, basis)
