import numpy as np
import pytest

from benchmarks.quality.files import packed
from benchmarks.quality.peers import Told, run, write
from benchmarks.quality.splits import leave_one_out
from freshet.errors import SetupError


def test_a_peer_reads_plain_arrays(tmp_path):
    split = leave_one_out(packed(np.repeat(["anna", "bob"], [4, 2]), np.array(list("abcd" + "cb")), None))
    write(split, tmp_path / "split.npz")
    with np.load(tmp_path / "split.npz") as found:
        assert found["items"] == 4
        assert found["exclude_seen"]
        assert found["train_items"].tolist() == [1, 2, 3, 2]
        assert found["train_offsets"].tolist() == [0, 2, 4]
        assert found["validation_items"].tolist() == [1, 2]
        assert found["validation_targets"].tolist() == [3]
        assert found["test_items"].tolist() == [1, 2, 3]
        assert found["test_targets"].tolist() == [4]
        assert "refit_items" not in found.files


def test_a_peer_that_fails_is_named(tmp_path):
    failing = tmp_path / "python"
    failing.write_text("#!/bin/sh\nexit 3\n")
    failing.chmod(0o755)
    with pytest.raises(SetupError) as error:
        run(failing, tmp_path / "split.npz", tmp_path / "lists.npz", "cosine", 1, Told(1, 1, {}))
    assert str(error.value) == ("peer cosine: ended with exit code 3; read its lines above, or leave it out")
