"""Many processes train one model: each takes some windows of every batch, and all take the same step.

The gradients go through one explicit all-reduce a step instead of DistributedDataParallel: that one hooks into the
`forward` of a single module, and a training step here calls the parts of the model one by one. The item tables are most
of the gradient and are complete last, so there is nothing to overlap with either.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor, nn
from torch import distributed as dist

from freshet.model.batches import Asked, Batch


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this is. Alone, nothing is exchanged."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and tells."""
        return self.rank == 0

    def share(self, batch: Batch) -> Batch:
        """This process's windows of a batch."""
        return dealt(batch, self.rank, self.world)

    def add_up(self, parameters: Sequence[nn.Parameter], loss: Tensor) -> Tensor:
        """Replaces every gradient by the sum over all processes; the sum of the losses comes back.

        A parameter without a gradient here counts as zeros, for another process may have one.
        """
        if self.world == 1:
            return loss
        parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([*(part.flatten() for part in parts), loss.detach().reshape(1).to(parts[0].dtype)])
        dist.all_reduce(flat)
        for p, part in zip(parameters, torch.split(flat[:-1], [p.numel() for p in parameters]), strict=True):
            p.grad = part.view_as(p)
        return flat[-1]

    def total(self, values: Sequence[float], place: torch.device) -> list[float]:
        """Each value summed over all processes, the same on every one of them."""
        if self.world == 1:
            return list(values)
        summed = torch.tensor(values, dtype=torch.float64, device=place)
        dist.all_reduce(summed)
        return [float(value) for value in summed.tolist()]

    def told_by_first(self, word: str) -> str:
        """What the first process says, on every one of them."""
        if self.world == 1:
            return word
        box = [word]
        dist.broadcast_object_list(box, src=0)
        return box[0]


ALONE = Ranks()


@contextmanager
def joined(place: str) -> Iterator[tuple[Ranks, torch.device]]:
    """This process as one of those that a launcher (torchrun, TorchDistributor) has started, and where it trains.

    place: "cuda", a GPU for each process and NCCL between them, or "cpu" and gloo; the same in all of them. The
    launcher's variables are read by torch itself.
    """
    dist.init_process_group("nccl" if place == "cuda" else "gloo")
    try:
        device = torch.device("cuda", dist.get_node_local_rank()) if place == "cuda" else torch.device("cpu")
        if place == "cuda":
            torch.cuda.set_device(device)
        yield Ranks(dist.get_rank(), dist.get_world_size()), device
    finally:
        dist.destroy_process_group()


def dealt(batch: Batch, hand: int, hands: int) -> Batch:
    """Every `hands`-th window, beginning with the `hand`-th, as a batch of its own."""
    if hands == 1:
        return batch
    counts, lengths = torch.tensor(batch.groups, dtype=torch.int64).view(-1, 2).T  # (G,) each
    mine = torch.arange(int(counts.sum())) % hands == hand  # (W,)
    group = torch.repeat_interleave(torch.arange(len(counts)), counts)  # (W,)
    keep = mine.repeat_interleave(lengths[group])  # (N,)
    rows = torch.nonzero(keep).flatten()  # (N',)
    kept = torch.bincount(group[mine], minlength=len(counts))  # (G,)
    events = {
        field.name: getattr(batch, field.name)[rows]
        for field in fields(batch)
        if isinstance(getattr(batch, field.name), Tensor)
    }
    own = tuple((count, length) for count, length in zip(kept.tolist(), lengths.tolist(), strict=True) if count)
    return replace(batch, **events, groups=own, following=_asked_of(batch.following, keep))


def questions_of(asked: Asked, chosen: Tensor) -> Asked:
    """Some of Q questions, still at the same rows; chosen (Q,) bool."""
    sizes = torch.diff(asked.starts, append=asked.starts.new_tensor([len(asked.items)]))  # (Q,)
    kept = sizes[chosen]
    return Asked(asked.rows[chosen], asked.items[chosen.repeat_interleave(sizes)], torch.cumsum(kept, 0) - kept)


def _asked_of(asked: Asked, keep: Tensor) -> Asked:
    """The questions at rows that are kept, counted as the kept rows (N,) are."""
    own = questions_of(asked, keep[asked.rows])
    return replace(own, rows=(torch.cumsum(keep, 0) - 1)[own.rows])
