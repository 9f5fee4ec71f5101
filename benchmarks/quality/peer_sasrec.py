"""RecTools' SASRec as its authors benchmark it: full softmax, the best epoch on the validation, patience.

https://github.com/blondered/bert4rec_repro: length 100, 4 heads, width 256, 2 blocks, learning rate 1e-3, dropout 0.2,
batches of 128 histories, at most 200 epochs, patience 50. Here the validation is that of the split, its metric NDCG@10.
"""

import copy
import resource
import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import torch
from pytorch_lightning import Trainer, seed_everything
from pytorch_lightning.callbacks import LambdaCallback
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import SASRecModel

from freshet.evaluation import metrics

PEER_SETTINGS = {"session_max_len": 100, "n_heads": 4, "n_factors": 256, "n_blocks": 2, "lr": 1e-3, "loss": "softmax"}
BATCH_CASES = 256
NDCG_K = 10


@dataclass
class EpochMonitor:
    """Seconds, validation NDCG and best weights of the epochs so far. epoch_seconds: without the validation."""

    patience: int
    epoch_seconds: list[float] = field(default_factory=list)
    ndcg: list[float] = field(default_factory=list)
    best_weights: dict[str, torch.Tensor] = field(default_factory=dict)
    epoch_start: float = 0.0
    evaluation_seconds: float = 0.0  # seconds of all validations

    @property
    def best_epoch(self) -> int:
        """The epoch with the best validation, from 1."""
        return 1 + int(np.argmax(self.ndcg)) if self.ndcg else 0


def train_and_rank(arrays: dict[str, Any], options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """((C, list_length) lists, seconds and memory of the training)."""
    monitor = EpochMonitor(options["patience"])
    model = _fit(arrays, "train", options, options["epochs"], monitor)
    model.lightning_model.load_state_dict(monitor.best_weights)
    if "refit_items" in arrays:
        model = _fit(arrays, "refit", options, monitor.best_epoch, None)
    list_length = int(arrays["list_length"])
    lists = np.concatenate(list(_ranked_lists(model, arrays, "test", list_length)))
    return lists, {
        "epoch_seconds": monitor.epoch_seconds,
        "evaluation_seconds": monitor.evaluation_seconds,
        "ndcg@10": monitor.ndcg,
        "interactions": _n_interactions(model),
        "peak_mib": _peak_mib(),
        "device": torch.cuda.get_device_name()
        if torch.cuda.is_available()
        else f"cpu ({torch.get_num_threads()} threads)",
    }


def _fit(arrays: dict[str, Any], name: str, options: dict[str, Any], epochs: int, monitor: EpochMonitor | None) -> Any:
    seed_everything(options["seed"], workers=True)
    model = SASRecModel(get_trainer_func=None, epochs=epochs, **{**PEER_SETTINGS, **options["settings"]})
    model._trainer = Trainer(
        max_epochs=epochs,
        min_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=_callbacks(model, arrays, monitor) if monitor else [],
    )
    model.fit(Dataset.construct(_interactions_frame(arrays, name)))
    return model


def _callbacks(model: Any, arrays: dict[str, Any], monitor: EpochMonitor) -> list[Any]:
    """The monitor's callbacks, as plain functions: RecTools copies its trainer, and functions are not copied."""

    def start_epoch(*_: Any) -> None:
        monitor.epoch_start = _synchronized_time()

    def end_epoch(trainer: Any, module: Any) -> None:
        monitor.epoch_seconds.append(_synchronized_time() - monitor.epoch_start)
        monitor.ndcg.append(_ndcg(model, arrays))
        monitor.evaluation_seconds += _synchronized_time() - monitor.epoch_start - monitor.epoch_seconds[-1]
        module.train()
        if monitor.best_epoch == len(monitor.ndcg):
            monitor.best_weights = copy.deepcopy(module.state_dict())
        trainer.should_stop = len(monitor.ndcg) - monitor.best_epoch >= monitor.patience
        print(
            f"RecTools, epoch {len(monitor.ndcg)}: NDCG@10 {monitor.ndcg[-1]:.4f}, {monitor.epoch_seconds[-1]:.1f} s",
            flush=True,
        )

    return [LambdaCallback(on_train_epoch_start=start_epoch, on_train_epoch_end=end_epoch)]


def _interactions_frame(arrays: dict[str, Any], name: str) -> pd.DataFrame:
    """RecTools' table of interactions; the time is the position in the history, because only the order counts."""
    lengths = np.diff(arrays[f"{name}_offsets"])
    position = np.arange(lengths.sum()) - np.repeat(arrays[f"{name}_offsets"][:-1], lengths)
    return pd.DataFrame(
        {
            Columns.User: np.repeat(np.arange(len(lengths)), lengths),
            Columns.Item: arrays[f"{name}_items"],
            Columns.Weight: 1,
            Columns.Datetime: pd.to_datetime(position, unit="s"),
        }
    )


def _ndcg(model: Any, arrays: dict[str, Any]) -> float:
    lists = np.concatenate(list(_ranked_lists(model, arrays, "validation", NDCG_K)))
    sizes = np.diff(arrays["validation_target_offsets"])
    case, width = np.repeat(np.arange(len(sizes)), sizes), int(arrays["items"]) + 1
    target_keys = case * width + arrays["validation_targets"]
    hits = np.isin(np.arange(len(lists))[:, None] * width + lists, target_keys[arrays["validation_targets"] > 0])
    return float(metrics.ndcg(hits & (lists > 0), sizes, NDCG_K).mean())


@torch.inference_mode()
def _ranked_lists(model: Any, arrays: dict[str, Any], name: str, k: int) -> Any:
    """The k best items of every case, BATCH_CASES at a time, scored as RecTools does: last position times items."""
    module, preparator = model.lightning_model, model.data_preparator
    net = module.torch_model
    net.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    known_items = np.asarray(preparator.get_known_item_ids(), dtype=np.int64)
    to_internal = np.zeros(int(arrays["items"]) + 1, dtype=np.int64)
    to_internal[known_items] = preparator.get_known_items_sorted_internal_ids()
    to_external = np.zeros(len(known_items) + preparator.n_item_extra_tokens, dtype=np.int64)
    to_external[to_internal[known_items]] = known_items
    embeddings = net.item_model.get_all_embeddings()
    offsets, items = arrays[f"{name}_offsets"], to_internal[arrays[f"{name}_items"]]
    for start in range(0, len(offsets) - 1, BATCH_CASES):
        batch_offsets = offsets[start : start + BATCH_CASES + 1]
        rows = [items[a:b] for a, b in pairwise(batch_offsets)]
        scores = _scores(net, embeddings, [row[row > 0] for row in rows], preparator.session_max_len)
        scores[:, : preparator.n_item_extra_tokens] = -torch.inf
        if arrays["exclude_seen"]:
            owners = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
            scores[torch.from_numpy(owners), torch.from_numpy(np.concatenate(rows))] = -torch.inf
        top_scores, top_items = scores.topk(min(k, scores.shape[1]), dim=1)
        batch_lists = np.zeros((len(rows), k), dtype=np.int64)
        batch_lists[:, : top_items.shape[1]] = np.where(
            top_scores.cpu() > -np.inf, to_external[top_items.cpu().numpy()], 0
        )
        yield batch_lists


def _scores(net: Any, embeddings: torch.Tensor, rows: list[Any], length: int) -> torch.Tensor:
    """(B, items and extra tokens) scores of left-padded histories."""
    x = np.zeros((len(rows), length), dtype=np.int64)
    for number, row in enumerate(rows):
        if len(row):
            x[number, -len(row[-length:]) :] = row[-length:]
    encoded = net.encode_sessions({"x": torch.from_numpy(x).to(embeddings.device)}, embeddings)[:, -1, :]
    scores: torch.Tensor = encoded @ embeddings.T
    return scores


def _n_interactions(model: Any) -> int:
    """Targets in an epoch: of every history, cut to the model's length, all events but the first."""
    frame = model.data_preparator.train_dataset.interactions.df
    return int(len(frame) - frame[Columns.User].nunique())


def _synchronized_time() -> float:
    """The time in seconds after the device has finished its work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def _peak_mib() -> float:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
