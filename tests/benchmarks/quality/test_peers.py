"""The arrays that a peer library reads, and the error if it fails."""

import numpy as np
import pytest

from benchmarks.quality.files import pack_sequences
from benchmarks.quality.peers import PeerSettings, run_peer, write_split
from benchmarks.quality.splits import leave_one_out
from freshet.errors import SetupError


def test_a_peer_reads_plain_arrays(tmp_path):
    split = leave_one_out(pack_sequences(np.repeat(["anna", "bob"], [4, 2]), np.array(list("abcd" + "cb")), None))
    write_split(split, tmp_path / "split.npz")
    with np.load(tmp_path / "split.npz") as arrays:
        assert arrays["items"] == 4
        assert arrays["exclude_seen"]
        assert arrays["train_items"].tolist() == [1, 2, 3, 2]
        assert arrays["train_offsets"].tolist() == [0, 2, 4]
        assert arrays["validation_items"].tolist() == [1, 2]
        assert arrays["validation_targets"].tolist() == [3]
        assert arrays["test_items"].tolist() == [1, 2, 3]
        assert arrays["test_targets"].tolist() == [4]
        assert "refit_items" not in arrays.files


def test_a_peer_that_fails_is_named(tmp_path):
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nexit 3\n")
    script.chmod(0o755)
    with pytest.raises(SetupError) as error:
        run_peer(script, tmp_path / "split.npz", tmp_path / "lists.npz", "cosine", 1, PeerSettings(1, 1, {}))
    assert str(error.value) == ("peer cosine: ended with exit code 3; read its lines above, or leave it out")
