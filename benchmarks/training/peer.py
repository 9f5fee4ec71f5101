"""RecTools' SASRec on the same split, in the peers' environment: the same sizes, loss and batch."""

import json
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.quality.files import read_interactions
from benchmarks.quality.peers import Told, environment, run, write
from benchmarks.quality.splits import leave_one_out
from benchmarks.training.runs import Run, Sizes
from freshet.settings import load


def measure(file: Path, sizes: Sizes, epochs: int) -> Run:
    """Trains on `file` for `epochs`. Raises SetupError where it cannot be installed or fails."""
    settings = {
        "n_factors": sizes.width,
        "n_blocks": sizes.blocks,
        "n_heads": sizes.heads,
        "session_max_len": sizes.length,
        "batch_size": sizes.batch,
        "dropout_rate": sizes.dropout,
    }
    python = environment(load().cache / "peers")
    with tempfile.TemporaryDirectory() as folder:
        data, lists = Path(folder) / "split.npz", Path(folder) / "lists.npz"
        write(leave_one_out(read_interactions(file)), data)
        begun = time.perf_counter()
        run(python, data, lists, "sasrec", 1, Told(epochs, epochs, settings))
        whole = time.perf_counter() - begun
        with np.load(lists) as found:
            facts = json.loads(str(found["facts"]))
    trained, judged = sum(facts["epoch_seconds"]), facts["evaluation_seconds"]
    kept = tuple(facts["epoch_seconds"]), tuple(facts["ndcg@10"]), facts["interactions"]
    return Run(*kept, whole - trained - judged, judged, facts["peak_mib"], facts["device"])
