"""RecTools' SASRec on the same split, in the peers' environment: the same sizes, loss and batch."""

import json
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.quality.files import read_interactions
from benchmarks.quality.peers import PeerSettings, prepare_environment, run_peer, write_split
from benchmarks.quality.splits import leave_one_out
from benchmarks.training.runs import ModelSizes, TrainingRun
from freshet.settings import load


def measure(file: Path, sizes: ModelSizes, epochs: int) -> TrainingRun:
    """Trains on `file` for `epochs`. Raises SetupError where it cannot be installed or fails."""
    settings = {
        "n_factors": sizes.width,
        "n_blocks": sizes.blocks,
        "n_heads": sizes.heads,
        "session_max_len": sizes.length,
        "batch_size": sizes.batch,
        "dropout_rate": sizes.dropout,
    }
    python = prepare_environment(load().cache_dir / "peers")
    with tempfile.TemporaryDirectory() as folder:
        split_path, lists_path = Path(folder) / "split.npz", Path(folder) / "lists.npz"
        write_split(leave_one_out(read_interactions(file)), split_path)
        start = time.perf_counter()
        run_peer(python, split_path, lists_path, "sasrec", 1, PeerSettings(epochs, epochs, settings))
        total_s = time.perf_counter() - start
        with np.load(lists_path) as arrays:
            facts = json.loads(str(arrays["facts"]))
    training_s, evaluation_s = sum(facts["epoch_seconds"]), facts["evaluation_seconds"]
    epochs_and_interactions = tuple(facts["epoch_seconds"]), tuple(facts["ndcg@10"]), facts["interactions"]
    return TrainingRun(
        *epochs_and_interactions, total_s - training_s - evaluation_s, evaluation_s, facts["peak_mib"], facts["device"]
    )
