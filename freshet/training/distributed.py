"""Distributed data parallelism: each process computes the gradients of its shard of every batch.

The gradients are summed by one explicit all-reduce per step instead of DistributedDataParallel, which hooks into the
`forward` of a single module, while a training step here calls the parts of the model one by one. The item tables are
most of the gradient and are complete last, so there is little to overlap with the communication.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor, nn
from torch import distributed as dist

from freshet.training.batching import Batch, BatchTargets


@dataclass(frozen=True)
class ProcessGroup:
    """The rank of this process among `world_size` processes; with one process nothing is communicated."""

    rank: int = 0
    world_size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes files and logs."""
        return self.rank == 0

    def local_shard(self, batch: Batch) -> Batch:
        """Return this process's windows of a batch."""
        return shard_batch(batch, self.rank, self.world_size)

    def all_reduce_gradients(self, parameters: Sequence[nn.Parameter], loss: Tensor) -> Tensor:
        """Replace every gradient by its sum over all processes, and return the sum of the losses.

        A parameter without a gradient counts as zeros, because another process may have one.
        """
        if self.world_size == 1:
            return loss
        parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([*(part.flatten() for part in parts), loss.detach().reshape(1).to(parts[0].dtype)])
        dist.all_reduce(flat)
        for p, part in zip(parameters, torch.split(flat[:-1], [p.numel() for p in parameters]), strict=True):
            p.grad = part.view_as(p)
        return flat[-1]

    def all_reduce_sum(self, values: Sequence[float], device: torch.device) -> list[float]:
        """Return each value summed over all processes."""
        if self.world_size == 1:
            return list(values)
        summed = torch.tensor(values, dtype=torch.float64, device=device)
        dist.all_reduce(summed)
        return [float(value) for value in summed.tolist()]

    def broadcast(self, value: str) -> str:
        """Return the first process's `value`."""
        if self.world_size == 1:
            return value
        buffer = [value]
        dist.broadcast_object_list(buffer, src=0)
        return buffer[0]


SINGLE_PROCESS = ProcessGroup()


@contextmanager
def join_process_group(device_type: str) -> Iterator[tuple[ProcessGroup, torch.device]]:
    """Join the processes started by a launcher (torchrun, TorchDistributor); yield the group and this one's device.

    device_type: "cuda" (a GPU for each process, NCCL) or "cpu" (gloo); the same in all processes. torch reads the
    launcher's environment variables.
    """
    dist.init_process_group("nccl" if device_type == "cuda" else "gloo")
    try:
        device = torch.device("cuda", dist.get_node_local_rank()) if device_type == "cuda" else torch.device("cpu")
        if device_type == "cuda":
            torch.cuda.set_device(device)
        yield ProcessGroup(dist.get_rank(), dist.get_world_size()), device
    finally:
        dist.destroy_process_group()


def shard_batch(batch: Batch, index: int, n_shards: int) -> Batch:
    """Return every `n_shards`-th window, starting with window `index`, as a batch."""
    if n_shards == 1:
        return batch
    counts, lengths = torch.tensor(batch.groups, dtype=torch.int64).view(-1, 2).T  # (G,) each
    window_mask = torch.arange(int(counts.sum())) % n_shards == index  # (W,)
    group = torch.repeat_interleave(torch.arange(len(counts)), counts)  # (W,)
    event_mask = window_mask.repeat_interleave(lengths[group])  # (N,)
    rows = torch.nonzero(event_mask).flatten()  # (N',)
    window_counts = torch.bincount(group[window_mask], minlength=len(counts))  # (G,)
    events = {
        field.name: getattr(batch, field.name)[rows]
        for field in fields(batch)
        if isinstance(getattr(batch, field.name), Tensor)
    }
    local_groups = tuple(
        (count, length) for count, length in zip(window_counts.tolist(), lengths.tolist(), strict=True) if count
    )
    return replace(batch, **events, groups=local_groups, targets=_reindex_targets(batch.targets, event_mask))


def select_targets(targets: BatchTargets, mask: Tensor) -> BatchTargets:
    """Return the queries selected by `mask` (Q,); their rows stay the same."""
    sizes = torch.diff(targets.starts, append=targets.starts.new_tensor([len(targets.items)]))  # (Q,)
    selected_sizes = sizes[mask]
    return BatchTargets(
        targets.rows[mask],
        targets.items[mask.repeat_interleave(sizes)],
        torch.cumsum(selected_sizes, 0) - selected_sizes,
    )


def _reindex_targets(targets: BatchTargets, event_mask: Tensor) -> BatchTargets:
    """Return the queries at the events selected by `event_mask` (N,), with rows that count those events only."""
    selected_targets = select_targets(targets, event_mask[targets.rows])
    return replace(selected_targets, rows=(torch.cumsum(event_mask, 0) - 1)[selected_targets.rows])
