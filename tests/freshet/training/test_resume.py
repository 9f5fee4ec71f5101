"""A killed training resumes after any step and ends with the same weights."""

import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch

from freshet.model.params import TrainParams
from freshet.store import Store, open_store
from freshet.training.resume import TrainingCheckpoint
from freshet.training.run_params import RunParams
from freshet.training.trainer import TrainerContext, TrainingResult, train
from tests.checkerboard import checkerboard_set

N_EPOCHS, N_STEPS = 2, 4  # 380 events in batches of about 95
PARAMS = TrainParams(
    max_history=6,
    hidden_dim=8,
    embedding_dim=8,
    n_heads=2,
    n_layers=1,
    dropout=0.3,
    steps_per_epoch=N_STEPS,
    max_epochs=N_EPOCHS,
    patience=9,
    n_negatives=1,  # with negative sampling
)
STATE_FOLDER = "unfinished/abc"
CHILD_CODE = """
from tests.freshet.training.test_resume import train_with_state
from freshet.store import open_store
import sys
train_with_state(open_store(sys.argv[1]))
"""


class MachineLostError(Exception):
    """A spot machine disappears."""


@dataclass(frozen=True)
class SpotStore(Store):
    """The store of a machine that disappears after it has written `lives` files."""

    lives: int = 0
    written_paths: list[str] = field(default_factory=list)

    def put(self, path: str, content: bytes | Path) -> None:
        super().put(path, content)
        self.written_paths.append(path)
        if len(self.written_paths) == self.lives:
            raise MachineLostError


def train_with_state(store: Store, interval_s: float = 0.0) -> TrainingResult:
    resume = TrainingCheckpoint(store, STATE_FOLDER, interval_s)
    return train(checkerboard_set(), PARAMS, "cpu", context=TrainerContext(resume, run_params=RunParams()))


@pytest.fixture(scope="module")
def uninterrupted_result() -> TrainingResult:
    return train(checkerboard_set(), PARAMS, "cpu")


def is_same_result(left: TrainingResult, right: TrainingResult) -> bool:
    """The same weights to the last bit, after the same curve."""
    first, second = left.model.state_dict(), right.model.state_dict()
    figures = [[(p.epoch, p.loss, p.ndcg_at_10) for p in training.curve] for training in (left, right)]
    return figures[0] == figures[1] and all(torch.equal(first[name], second[name]) for name in first)


def test_a_training_killed_after_any_step_or_epoch_ends_with_the_same_weights(tmp_path, uninterrupted_result):
    places = N_EPOCHS * (N_STEPS + 1)  # after every step, and at the end of every epoch
    for lives in range(1, places + 1):
        root = str(tmp_path / str(lives))
        with pytest.raises(MachineLostError):
            train_with_state(SpotStore(root, lives))
        assert is_same_result(train_with_state(open_store(root)), uninterrupted_result), lives


def test_a_training_killed_repeatedly_ends_with_the_same_weights(tmp_path, uninterrupted_result):
    for _ in range(N_EPOCHS * N_STEPS // 2):
        with pytest.raises(MachineLostError):
            train_with_state(SpotStore(str(tmp_path), 2))
    assert is_same_result(train_with_state(open_store(str(tmp_path))), uninterrupted_result)


def test_a_training_killed_by_a_signal_ends_with_the_same_weights(tmp_path, uninterrupted_result):
    process = subprocess.Popen([sys.executable, "-c", CHILD_CODE, str(tmp_path)])
    folder = tmp_path / STATE_FOLDER
    while process.poll() is None and not list(folder.glob("*-00000000[3-8]-*")):
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(folder.glob("*.safetensors"))
    assert is_same_result(train_with_state(open_store(str(tmp_path))), uninterrupted_result)


def test_a_damaged_checkpoint_is_logged_and_the_one_before_is_used(tmp_path, uninterrupted_result, caplog):
    with pytest.raises(MachineLostError):
        train_with_state(SpotStore(str(tmp_path), 3))
    newest = sorted((tmp_path / STATE_FOLDER).iterdir())[-1]
    newest.write_bytes(newest.read_bytes()[:-7])
    with caplog.at_level("INFO", "freshet"):
        assert is_same_result(train_with_state(open_store(str(tmp_path))), uninterrupted_result)
    assert f"{newest} is damaged: resuming from the checkpoint before it, if any" in caplog.messages
    assert "resuming the interrupted training after step 2, epoch 0" in caplog.messages


def test_without_an_intact_checkpoint_the_training_starts_over(tmp_path, uninterrupted_result, caplog):
    with pytest.raises(MachineLostError):
        train_with_state(SpotStore(str(tmp_path), 3))
    for file in (tmp_path / STATE_FOLDER).iterdir():
        file.write_bytes(b"nonsense")
    assert is_same_result(train_with_state(open_store(str(tmp_path))), uninterrupted_result)
    assert len([message for message in caplog.messages if "is damaged" in message]) == 3


def test_checkpoints_are_at_least_the_interval_apart(tmp_path):
    store = SpotStore(str(tmp_path))
    train_with_state(store, interval_s=3600)
    assert [Path(path).name[:14] for path in store.written_paths] == [
        "0001-000000004",
        "0002-000000008",
    ]  # the ends of the epochs


def test_a_finished_training_is_not_trained_again_and_its_checkpoint_can_be_removed(tmp_path, uninterrupted_result):
    train_with_state(open_store(str(tmp_path)))
    store = SpotStore(str(tmp_path))
    assert len(store.list(STATE_FOLDER)) == 2  # the newest, and the one before
    second = train_with_state(store)
    assert is_same_result(second, uninterrupted_result)
    assert store.written_paths == []
    TrainingCheckpoint(store, STATE_FOLDER).remove()
    assert store.list("unfinished") == ()
