"""RecTools' SASRec, measured on the same split with the same sizes, loss and batch, in the peers' environment."""

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
    """Train on `file` for `epochs`. Raises SetupError if RecTools cannot be installed or fails."""
    settings = {
        "n_factors": sizes.hidden_dim,
        "n_blocks": sizes.n_layers,
        "n_heads": sizes.n_heads,
        "session_max_len": sizes.max_history,
        "batch_size": sizes.batch_histories,
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
            stats = json.loads(str(arrays["stats"]))
    return TrainingRun(
        epoch_seconds=tuple(stats["epoch_seconds"]),
        ndcg=tuple(stats["ndcg@10"]),
        interactions=stats["interactions"],
        setup_seconds=total_s - sum(stats["epoch_seconds"]) - stats["evaluation_seconds"],
        evaluation_seconds=stats["evaluation_seconds"],
        peak_mib=stats["peak_mib"],
        device=stats["device"],
    )
