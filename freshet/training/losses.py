"""The losses: softmax cross-entropy over all items, with the next basket's items as equally weighted targets.

Shapes: Q queries, C of them in a chunk, M target items, A score deltas, P embedding length, V items. With negative
sampling (freshet.training.negative_sampling) the columns are the sampled items instead of V + 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from freshet.data.columns import PAD

MAX_CHUNK_SCORES_CPU = 1 << 22  # 16 MB, which stay in a CPU's cache; more if MIN_CHUNK_QUERIES need it
MAX_CHUNK_SCORES_GPU = 1 << 28  # 1 GB, a large enough matrix for any GPU
MAX_CHUNK_QUERIES = 2048  # on the CPU: larger chunks are not faster
MIN_CHUNK_QUERIES = 32  # every chunk reads and writes the whole item table, which dominates for a million items
MIN_PROBABILITY = 1e-38  # lower bound before taking the logarithm


@dataclass(frozen=True)
class SparseScoreDelta:
    """Additions to single scores: `values[a]` is added to the score of `items[a]` for `queries[a]`.

    The queries are in ascending order.
    """

    queries: Tensor  # (A,)
    items: Tensor  # (A,)
    values: Tensor  # (A,)


@dataclass(frozen=True)
class SoftTargets:
    """The targets of Q queries: items[starts[q]:starts[q + 1]] for query q, each with the weight 1 / their number."""

    items: Tensor  # (M,)
    starts: Tensor  # (Q,)

    def expand(self) -> tuple[Tensor, Tensor]:
        """Return the query (M,) and the weight (M,) of every target item."""
        sizes = torch.diff(self.starts, append=self.starts.new_tensor([len(self.items)]))  # (Q,)
        query_index = torch.arange(len(self.starts), device=self.items.device)
        query = torch.repeat_interleave(query_index, sizes, output_size=len(self.items))  # (M,)
        return query, 1 / sizes[query]


def basket_cross_entropy(scores: Tensor, targets: SoftTargets) -> Tensor:
    """Return the mean over Q queries of the cross-entropy between softmax(scores) and the targets; 0 for no queries.

    scores: (Q, V + 1), without column 0 = PAD. With one target per query it is the cross-entropy of next-item models.
    It needs all scores at once; `catalogue_cross_entropy` does not.
    """
    if len(targets.starts) == 0:
        return scores.sum() * 0.0
    query, weight = targets.expand()
    target_score = (scores[query, targets.items] * weight).sum()
    return (torch.logsumexp(scores[:, 1:], dim=1).sum() - target_score) / len(targets.starts)


def catalogue_cross_entropy(
    vectors: Tensor,
    table: Tensor,
    biases: Tensor,
    targets: SoftTargets,
    score_delta: SparseScoreDelta,
    precision: torch.dtype = torch.float32,
) -> Tensor:
    """Return `basket_cross_entropy` of vectors (Q, P) @ table (V + 1, P).T + biases (V + 1,) plus `score_delta`.

    Scores, softmax and gradients are computed in chunks of queries in one pass, so that a catalogue of a million items
    trains in the memory of its tables. As in Liger's fused linear cross-entropy (Hsu et al. 2024) the gradients are
    computed in the forward pass.
    precision: of the matrix products; softmax, sums and biases are float32.
    """
    if len(targets.starts) == 0:
        return (vectors.sum() + table.sum() + biases.sum() + score_delta.values.sum()) * 0.0
    loss: Tensor = _CatalogueCrossEntropy.apply(
        vectors, table, biases, score_delta.values, targets, score_delta, precision
    )
    return loss


class _CatalogueCrossEntropy(torch.autograd.Function):
    """Loss and gradients in one pass over chunks of the queries."""

    @staticmethod
    def forward(
        ctx: Any, vectors: Tensor, table: Tensor, biases: Tensor, values: Tensor,
        targets: SoftTargets, score_delta: SparseScoreDelta, precision: torch.dtype,
    ) -> Tensor:  # fmt: skip
        chunks = _ChunkedLogits.allocate(vectors, table, biases, precision)
        loss = vectors.new_zeros((), dtype=torch.float32)
        grad_vectors, grad_table, grad_biases = (
            torch.zeros_like(x, dtype=torch.float32) for x in (vectors, table, biases)
        )
        grad_values = torch.empty_like(values, dtype=torch.float32)
        query, weight = targets.expand()
        target_slices = _slice_per_chunk(query, chunks.boundaries)
        delta_slices = _slice_per_chunk(score_delta.queries, chunks.boundaries)
        for chunk, delta, target in zip(_slices(chunks.boundaries), delta_slices, target_slices, strict=True):
            delta_cells = (score_delta.queries[delta] - chunk.start) * len(biases) + score_delta.items[delta]
            probabilities = chunks.probabilities(chunk, delta_cells, values[delta])  # (C, V + 1)
            target_cells = (query[target] - chunk.start, targets.items[target])
            loss -= (probabilities[target_cells].clamp(min=MIN_PROBABILITY).log() * weight[target]).sum()
            # The gradient of softmax cross-entropy: probabilities minus the target weights.
            gradient = probabilities.index_put_(target_cells, -weight[target], accumulate=True)
            grad_values[delta] = gradient.view(-1)[delta_cells]
            grad_biases += gradient.sum(dim=0)
            chunks.accumulate_gradients(chunk, gradient, grad_vectors, grad_table)
        ctx.save_for_backward(*(x.div_(len(vectors)) for x in (grad_vectors, grad_table, grad_biases, grad_values)))
        return loss / len(vectors)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return (*(gradient * x for x in ctx.saved_tensors), None, None, None)


@dataclass(frozen=True)
class _ChunkedLogits:
    """The matrix products of a chunk of the queries, in buffers that all chunks share.

    Allocating memory for each chunk would take as long as the products, because the system maps it page by page.
    """

    vectors: Tensor  # (Q, P) rounded
    table: Tensor  # (V + 1, P) rounded
    biases: Tensor  # (V + 1,) float32
    boundaries: list[int]  # first query of each chunk, and Q
    product_buffer: Tensor  # (C, V + 1)
    score_buffer: Tensor  # (C, V + 1) float32
    softmax_buffer: Tensor  # (C, V + 1) float32

    @classmethod
    def allocate(cls, vectors: Tensor, table: Tensor, biases: Tensor, precision: torch.dtype) -> "_ChunkedLogits":
        n_queries = min(chunk_size(len(table), vectors.device), len(vectors))
        boundaries = [*range(0, len(vectors), n_queries), len(vectors)]
        score_buffer = vectors.new_empty((n_queries, len(table)), dtype=torch.float32)
        product_buffer, softmax_buffer = torch.empty_like(score_buffer, dtype=precision), torch.empty_like(score_buffer)
        vectors, table = (x.to(precision).contiguous() for x in (vectors, table))
        return cls(vectors, table, biases.float(), boundaries, product_buffer, score_buffer, softmax_buffer)

    def probabilities(self, chunk: slice, delta_cells: Tensor, delta_values: Tensor) -> Tensor:
        """Return softmax(scores + deltas) of a chunk's queries, (C, V + 1) float32, with 0 for PAD.

        delta_cells: flat index into the (C, V + 1) scores of each of the `delta_values`.
        """
        n_queries = chunk.stop - chunk.start
        torch.mm(self.vectors[chunk], self.table.T, out=self.product_buffer[:n_queries])
        scores = torch.add(self.product_buffer[:n_queries], self.biases, out=self.score_buffer[:n_queries])
        scores.view(-1).index_add_(0, delta_cells, delta_values.float())
        scores[:, PAD] = -torch.inf
        return torch.softmax(scores, dim=1, out=self.softmax_buffer[:n_queries])

    def accumulate_gradients(self, chunk: slice, gradient: Tensor, grad_vectors: Tensor, grad_table: Tensor) -> None:
        """Add the gradients of vectors and table, given the gradient (C, V + 1) of a chunk's scores."""
        low_precision = self.product_buffer[: len(gradient)].copy_(gradient)
        grad_vectors[chunk] = low_precision @ self.table
        grad_table += low_precision.T @ self.vectors[chunk]


def _slices(boundaries: list[int]) -> Iterator[slice]:
    return (slice(low, high) for low, high in pairwise(boundaries))


def _slice_per_chunk(queries: Tensor, boundaries: list[int]) -> list[slice]:
    """Return for each chunk the slice of the ascending `queries` that lie in it."""
    bounds = torch.searchsorted(queries, torch.tensor(boundaries, device=queries.device))
    return list(_slices(bounds.tolist()))


def chunk_size(n_columns: int, device: torch.device) -> int:
    """Return the number of queries whose scores are computed at once."""
    if device.type == "cpu":
        return max(MIN_CHUNK_QUERIES, min(MAX_CHUNK_QUERIES, MAX_CHUNK_SCORES_CPU // n_columns))
    return max(1, MAX_CHUNK_SCORES_GPU // n_columns)
