from datetime import UTC, date, datetime, timedelta

from freshet.model.params import TrainParams
from freshet.model.run_params import RunParams
from freshet.references import TrainingSetRef
from freshet.stages.unfinished import ABANDONED, forget_abandoned, resume_point
from freshet.store import open_store

REF = TrainingSetRef(as_of=date(2024, 3, 3), cut=date(2024, 3, 2), snapshots={"training_set": 1})
READ = "title:words,price:number"


def test_a_training_is_known_by_its_set_its_parameters_and_its_arithmetic(tmp_path):
    store, params, run = open_store(str(tmp_path)), TrainParams(), RunParams()
    asked_again = resume_point(store, REF, params, run.model_copy(update={"save_seconds": 1.0, "processes": 4}), READ)
    others = (
        resume_point(store, REF.model_copy(update={"snapshots": {"training_set": 2}}), params, run, READ),
        resume_point(store, REF, params.model_copy(update={"seed": 1}), run, READ),
        resume_point(store, REF, params, run.model_copy(update={"precision": "bf16"}), READ),
        resume_point(store, REF, params, run, READ, basis="yesterday"),
        resume_point(store, REF, params, run, "title:words"),
    )
    folder = resume_point(store, REF, params, run, READ).folder
    assert asked_again.folder == folder
    assert len({folder, *(other.folder for other in others)}) == 6


def test_what_nobody_has_asked_for_in_a_week_is_removed_and_what_is_under_way_stays(tmp_path):
    store = open_store(str(tmp_path))
    store.put("unfinished/a/1", b"x")
    store.put("models/a/weights", b"x")
    written = store.stamps("unfinished")[0].modified
    forget_abandoned(store, written + ABANDONED - timedelta(seconds=1))
    assert store.list("unfinished") == ("unfinished/a/1",)
    forget_abandoned(store, datetime.now(UTC) + ABANDONED)
    assert store.list("") == ("models/a/weights",)
