"""Data parallelism in threads: on the CPU every core takes a share of the windows of each member's part of a batch.

A step consists of thousands of operations, most of them too small for torch to split over the cores to advantage. So
each thread computes losses and gradients of its own, with operations that stay on one core. The gradients are summed in
a fixed order: the same seed gives the same weights on the same number of cores.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from freshet.model.batches import Batch
from freshet.model.drawing import Drawing, Drawn
from freshet.model.dropout import dropout_generator
from freshet.model.question import member_loss
from freshet.model.ranks import dealt
from freshet.model.transformer import Member, Recommender

MOST_THREADS = 4  # shares get too small for more; further cores go to the operations themselves
WORTH_THREADS = 1 << 14  # activations of a layer (rows of a batch × width) below which Python is most of a step


@dataclass(frozen=True)
class StepThreads:
    """How many threads compute a step's gradients, and how many cores each operation of theirs may use."""

    count: int = 1
    cores_each: int = 1

    @classmethod
    def on(cls, place: torch.device, cores: int, activations: int) -> "StepThreads":
        """One on a GPU, which does one operation after the other; on the CPU one a core, up to MOST_THREADS.

        activations: of a layer, rows of a batch × width; with few of them threads would only wait for the interpreter.
        """
        if place.type != "cpu" or activations < WORTH_THREADS:
            return cls(1, cores)
        count = max(1, min(MOST_THREADS, cores))
        return cls(count, max(1, cores // count))

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.count, thread_name_prefix="training")

    @contextmanager
    def cores(self) -> Iterator[None]:
        """Operations use `cores_each` cores within it. What was set before is set again afterwards."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.cores_each)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def backward(
        self,
        model: Recommender,
        parts: Sequence[Batch],
        drawing: Drawing | None,
        questions: int,
        seed: Sequence[int],
        bf16: bool = False,
    ) -> Tensor:
        """Sets every parameter's gradient of the loss summed over all parts, over `questions`; returns that loss.

        parts: of a batch, one for each member. questions: of the whole batch, in other processes too. seed: of the
        dropout. bf16: whether matrix products are rounded.
        """
        device = parts[0].items.device
        with _rounded(device, bf16):
            drawn = drawing.draw(parts) if drawing is not None else None
            parts = [drawn.places(part) for part in parts] if drawn else parts
            members = list(model.members(drawn.items if drawn else None))

        def share(number: int) -> list[_Gradients]:
            source = np.random.Generator(np.random.SFC64(np.random.SeedSequence([*seed, number])))
            with dropout_generator(source), _rounded(device, bf16):
                own = (dealt(part, number, self.count) for part in parts)
                return [_gradients(m, part, drawn, questions) for m, part in zip(members, own, strict=True)]

        shares = [share(0)] if self.count == 1 else list(self._pool.map(share, range(self.count)))
        return _sum_up(members, shares)


def _rounded(device: torch.device, bf16: bool) -> torch.autocast:
    """Matrix products in bfloat16, or not.

    Without torch's cache of rounded weights: all threads share it, and the first one to leave empties it for the
    others, whose gradients would then depend on when that was.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=bf16, cache_enabled=False)


@dataclass(frozen=True)
class _Gradients:
    """Of one member, from one share of its part."""

    loss: Tensor
    table: Tensor
    biases: Tensor
    encoder: list[Tensor | None]  # in the order of its parameters


def _gradients(member: Member, part: Batch, drawn: Drawn | None, questions: int) -> _Gradients:
    """A question weighs the same in whatever share it is."""
    # Leaves of their own: several threads must not walk back through the item encoder, nor add to one gradient.
    table, biases = (x.detach().requires_grad_() for x in (member.table, member.biases))
    loss = member_loss(Member(member.encoder, table, biases), part, drawn) * (len(part.following.starts) / questions)
    wanted = [table, biases, *member.encoder.parameters()]
    found = torch.autograd.grad(loss, wanted, allow_unused=True)
    of_table, of_biases = (torch.zeros_like(x) if g is None else g for x, g in zip(wanted, found[:2], strict=False))
    return _Gradients(loss.detach(), of_table, of_biases, list(found[2:]))


def _sum_up(members: Sequence[Member], shares: Sequence[Sequence[_Gradients]]) -> Tensor:
    """Gradients of all shares to where they belong: encoders directly, tables and biases through the item encoder."""
    for number, member in enumerate(members):
        for place, parameter in enumerate(member.encoder.parameters()):
            given = [g for share in shares if (g := share[number].encoder[place]) is not None]
            if given:
                parameter.grad = sum(given[1:], given[0])
    tables = [sum((share[n].table for share in shares[1:]), shares[0][n].table) for n in range(len(members))]
    biases = torch.stack([one.biases for share in shares for one in share]).sum(dim=0)
    torch.autograd.backward([*(m.table for m in members), members[0].biases], [*tables, biases])
    return torch.stack([one.loss for share in shares for one in share]).sum()
