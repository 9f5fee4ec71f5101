"""Data-parallel threads: on the CPU, each thread computes the gradients of a share of a batch's windows.

A step consists of thousands of operations, most of them too small for torch to parallelise well. So each thread
computes losses and gradients on one core. The gradients are summed in a fixed order: the same seed gives the same
weights on the same number of cores. For several processes or GPUs see freshet.training.distributed.
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
from freshet.training.negative_sampling import NegativeSampler, SampledItems, sample_batches
from freshet.training.objective import member_loss

MAX_THREADS = 4  # with more, their shares get too small; further cores go to the operations themselves
# Activations of a layer (events of a batch × hidden_dim) below which a step is mostly Python overhead.
MIN_THREAD_ACTIVATIONS = 1 << 14


@dataclass(frozen=True)
class StepThreads:
    """The threads that compute the gradients of a step, and the cores that each of their operations may use."""

    count: int = 1
    cores_per_thread: int = 1

    @classmethod
    def for_device(cls, device: torch.device, cores: int, activations: int) -> "StepThreads":
        """Return one thread per core, up to MAX_THREADS; one thread on a GPU and for a model with few activations.

        activations: of a layer, events of a batch × hidden_dim.
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
        """Limit torch to `cores_per_thread` cores per operation within the context, and restore its setting after."""
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
        """Set the gradient of every parameter and return the loss: the sum over all queries, divided by `n_queries`.

        member_batches: one for each ensemble member. n_queries: of the batch in all processes. seed: of the dropout.
        use_bf16: whether matrix products are computed in bfloat16.
        """
        device = member_batches[0].items.device
        with _autocast(device, use_bf16):
            sampled_items, member_batches = sample_batches(sampler, member_batches)
            members = list(model.ensemble(sampled_items.items if sampled_items else None))

        def thread_gradients(thread: int) -> list[_Gradients]:
            generator = np.random.Generator(np.random.SFC64(np.random.SeedSequence([*seed, thread])))
            with dropout_generator(generator), _autocast(device, use_bf16):
                shards = (shard_batch(part, thread, self.count) for part in member_batches)
                parts = zip(members, shards, strict=True)
                return [_gradients(member, shard, sampled_items, n_queries) for member, shard in parts]

        if self.count == 1:
            return _accumulate_gradients(members, [thread_gradients(0)])
        return _accumulate_gradients(members, list(self._pool.map(thread_gradients, range(self.count))))


def _autocast(device: torch.device, use_bf16: bool) -> torch.autocast:
    """Return the autocast context for bfloat16 matrix products, if `use_bf16`.

    Without torch's cache of rounded weights: all threads share it, and the first one to leave the context clears it, so
    that the others' gradients would depend on the timing.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=use_bf16, cache_enabled=False)


@dataclass(frozen=True)
class _Gradients:
    """Loss and gradients of one ensemble member, computed by one thread."""

    loss: Tensor
    table: Tensor
    biases: Tensor
    encoder: list[Tensor | None]  # in the order of its parameters


def _gradients(member: EnsembleMember, batch: Batch, sampled_items: SampledItems | None, n_queries: int) -> _Gradients:
    """Return the gradients of the loss summed over the queries of `batch`, divided by `n_queries`."""
    # Detached leaves: several threads must not run backward through the item encoder, nor add to the same gradient.
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
    """Sum the threads' gradients into the parameters and return the summed loss.

    Those of item embeddings and biases go through the item encoder.
    """
    for index, member in enumerate(members):
        for position, parameter in enumerate(member.encoder.parameters()):
            gradients = [g for share in shares if (g := share[index].encoder[position]) is not None]
            if gradients:
                parameter.grad = sum(gradients[1:], gradients[0])
    tables = [sum((share[n].table for share in shares[1:]), shares[0][n].table) for n in range(len(members))]
    biases = torch.stack([gradients.biases for share in shares for gradients in share]).sum(dim=0)
    torch.autograd.backward([*(m.item_embeddings for m in members), members[0].item_biases], [*tables, biases])
    return torch.stack([gradients.loss for share in shares for gradients in share]).sum()
