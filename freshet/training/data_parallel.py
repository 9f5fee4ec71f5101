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

from freshet.model.dropout import dropout_generator
from freshet.model.transformer import EnsembleMember, Recommender
from freshet.training.batching import Batch
from freshet.training.distributed import shard_batch
from freshet.training.negative_sampling import NegativeSampler, SampledItems
from freshet.training.objective import member_loss

MAX_THREADS = 4  # shares get too small for more; further cores go to the operations themselves
MIN_THREAD_ACTIVATIONS = (
    1 << 14
)  # activations of a layer (rows of a batch × width) below which Python is most of a step


@dataclass(frozen=True)
class StepThreads:
    """How many threads compute a step's gradients, and how many cores each operation of theirs may use."""

    count: int = 1
    cores_per_thread: int = 1

    @classmethod
    def for_device(cls, device: torch.device, cores: int, activations: int) -> "StepThreads":
        """One on a GPU, which does one operation after the other; on the CPU one a core, up to MOST_THREADS.

        activations: of a layer, rows of a batch × width; with few of them threads would only wait for the interpreter.
        """
        if device.type != "cpu" or activations < MIN_THREAD_ACTIVATIONS:
            return cls(1, cores)
        count = max(1, min(MAX_THREADS, cores))
        return cls(count, max(1, cores // count))

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.count, thread_name_prefix="training")

    @contextmanager
    def limit_cores(self) -> Iterator[None]:
        """Operations use `cores_each` cores within it. What was set before is set again afterwards."""
        previous_threads = torch.get_num_threads()
        torch.set_num_threads(self.cores_per_thread)
        try:
            yield
        finally:
            torch.set_num_threads(previous_threads)

    def backward(
        self,
        model: Recommender,
        member_batches: Sequence[Batch],
        sampler: NegativeSampler | None,
        n_queries: int,
        seed: Sequence[int],
        use_bf16: bool = False,
    ) -> Tensor:
        """Sets every parameter's gradient of the loss summed over all parts, over `questions`; returns that loss.

        parts: of a batch, one for each member. questions: of the whole batch, in other processes too. seed: of the
        dropout. bf16: whether matrix products are rounded.
        """
        device = member_batches[0].items.device
        with _autocast(device, use_bf16):
            sampled_items = sampler.sample(member_batches) if sampler is not None else None
            member_batches = (
                [sampled_items.remap_batch(part) for part in member_batches] if sampled_items else member_batches
            )
            members = list(model.ensemble(sampled_items.items if sampled_items else None))

        def thread_gradients(thread: int) -> list[_Gradients]:
            generator = np.random.Generator(np.random.SFC64(np.random.SeedSequence([*seed, thread])))
            with dropout_generator(generator), _autocast(device, use_bf16):
                thread_batches = (shard_batch(part, thread, self.count) for part in member_batches)
                return [
                    _gradients(m, part, sampled_items, n_queries)
                    for m, part in zip(members, thread_batches, strict=True)
                ]

        shares = [thread_gradients(0)] if self.count == 1 else list(self._pool.map(thread_gradients, range(self.count)))
        return _accumulate_gradients(members, shares)


def _autocast(device: torch.device, use_bf16: bool) -> torch.autocast:
    """Matrix products in bfloat16, or not.

    Without torch's cache of rounded weights: all threads share it, and the first one to leave empties it for the
    others, whose gradients would then depend on when that was.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=use_bf16, cache_enabled=False)


@dataclass(frozen=True)
class _Gradients:
    """Of one member, from one share of its part."""

    loss: Tensor
    table: Tensor
    biases: Tensor
    encoder: list[Tensor | None]  # in the order of its parameters


def _gradients(member: EnsembleMember, batch: Batch, sampled_items: SampledItems | None, n_queries: int) -> _Gradients:
    """A question weighs the same in whatever share it is."""
    # Leaves of their own: several threads must not walk back through the item encoder, nor add to one gradient.
    table, biases = (x.detach().requires_grad_() for x in (member.item_embeddings, member.item_biases))
    loss = member_loss(EnsembleMember(member.encoder, table, biases), batch, sampled_items) * (
        len(batch.targets.starts) / n_queries
    )
    inputs = [table, biases, *member.encoder.parameters()]
    gradients = torch.autograd.grad(loss, inputs, allow_unused=True)
    table_gradient, biases_gradient = (
        torch.zeros_like(x) if g is None else g for x, g in zip(inputs, gradients[:2], strict=False)
    )
    return _Gradients(loss.detach(), table_gradient, biases_gradient, list(gradients[2:]))


def _accumulate_gradients(members: Sequence[EnsembleMember], shares: Sequence[Sequence[_Gradients]]) -> Tensor:
    """Gradients of all shares to where they belong: encoders directly, tables and biases through the item encoder."""
    for index, member in enumerate(members):
        for position, parameter in enumerate(member.encoder.parameters()):
            gradients = [g for share in shares if (g := share[index].encoder[position]) is not None]
            if gradients:
                parameter.grad = sum(gradients[1:], gradients[0])
    tables = [sum((share[n].table for share in shares[1:]), shares[0][n].table) for n in range(len(members))]
    biases = torch.stack([one.biases for share in shares for one in share]).sum(dim=0)
    torch.autograd.backward([*(m.item_embeddings for m in members), members[0].item_biases], [*tables, biases])
    return torch.stack([one.loss for share in shares for one in share]).sum()
