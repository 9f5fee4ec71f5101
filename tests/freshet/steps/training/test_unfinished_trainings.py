"""Checkpoints of unfinished trainings: their name and their removal."""

from datetime import UTC, date, datetime, timedelta

from freshet.artifacts import TrainingSetRef
from freshet.model.params import TrainParams
from freshet.steps.training.unfinished_trainings import ABANDONED_AFTER, remove_abandoned, training_checkpoint
from freshet.store import open_store
from freshet.training.run_params import RunParams

TRAINING_SET = TrainingSetRef(as_of=date(2024, 3, 3), train_until=date(2024, 3, 2), snapshots={"training_set": 1})
ITEM_SCHEMA = "title:words,price:number"


def test_a_training_is_identified_by_its_set_parameters_and_precision(tmp_path):
    store, params, run = open_store(str(tmp_path)), TrainParams(), RunParams()
    resumed = training_checkpoint(
        store,
        TRAINING_SET,
        params,
        run.model_copy(update={"checkpoint_interval_s": 1.0, "num_processes": 4}),
        ITEM_SCHEMA,
    )
    others = (
        training_checkpoint(
            store, TRAINING_SET.model_copy(update={"snapshots": {"training_set": 2}}), params, run, ITEM_SCHEMA
        ),
        training_checkpoint(store, TRAINING_SET, params.model_copy(update={"seed": 1}), run, ITEM_SCHEMA),
        training_checkpoint(store, TRAINING_SET, params, run.model_copy(update={"precision": "bf16"}), ITEM_SCHEMA),
        training_checkpoint(store, TRAINING_SET, params, run, ITEM_SCHEMA, warm_model_id="earlier"),
        training_checkpoint(store, TRAINING_SET, params, run, "title:words"),
    )
    folder = training_checkpoint(store, TRAINING_SET, params, run, ITEM_SCHEMA).folder
    assert resumed.folder == folder
    assert len({folder, *(other.folder for other in others)}) == 6


def test_checkpoints_without_a_change_for_a_week_are_removed(tmp_path):
    store = open_store(str(tmp_path))
    store.put("unfinished/a/1", b"x")
    store.put("models/a/weights", b"x")
    modified = store.list_info("unfinished")[0].modified
    remove_abandoned(store, modified + ABANDONED_AFTER - timedelta(seconds=1))
    assert store.list("unfinished") == ("unfinished/a/1",)
    remove_abandoned(store, datetime.now(UTC) + ABANDONED_AFTER)
    assert store.list("") == ("models/a/weights",)
