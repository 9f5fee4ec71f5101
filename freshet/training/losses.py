"""What the model is taught: a softmax over all items whose mass belongs, in equal parts, to the next basket's items.

Shapes: Q questions, C of them in a part, M asked items, A added scores, P numbers of a vector, V items. In a catalogue
that is drawn from (freshet.training.negative_sampling) the drawn items stand where V + 1 is written.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from freshet.data.columns import PAD

MAX_CHUNK_SCORES_CPU = 1 << 22  # scores held at once, if that is room for FEWEST_QUESTIONS: 16 MB stay in a CPU's cache
MAX_CHUNK_SCORES_GPU = 1 << 28  # 1 GB, a large enough matrix for any GPU
MAX_CHUNK_QUERIES = 2048  # in a part on the CPU: more gain nothing
MIN_CHUNK_QUERIES = 32  # every part reads and writes the whole table: for a million items that is the time
MIN_PROBABILITY = 1e-38  # the least chance whose logarithm is taken


@dataclass(frozen=True)
class SparseScoreDelta:
    """What is added to single scores: `values[a]` to that of item `items[a]` at question `questions[a]`, which rise."""

    queries: Tensor  # (A,)
    items: Tensor  # (A,)
    values: Tensor  # (A,)


@dataclass(frozen=True)
class SoftTargets:
    """The items asked for: question q wants items[starts[q]:starts[q + 1]], each with the weight 1 / how many."""

    items: Tensor  # (M,)
    starts: Tensor  # (Q,)

    def expand(self) -> tuple[Tensor, Tensor]:
        """(M,) question and (M,) weight of every asked item."""
        sizes = torch.diff(self.starts, append=self.starts.new_tensor([len(self.items)]))  # (Q,)
        query_index = torch.arange(len(self.starts), device=self.items.device)
        query = torch.repeat_interleave(query_index, sizes, output_size=len(self.items))  # (M,)
        return query, 1 / sizes[query]


def basket_cross_entropy(scores: Tensor, targets: SoftTargets) -> Tensor:
    """Mean over Q questions of the cross-entropy between softmax(scores) and the wanted items.

    scores (Q, V + 1), of which column 0 = PAD is no answer. With one item each it is the plain cross-entropy of
    next-item models. No question at all: 0. It holds all scores at once: `catalogue_cross_entropy` does not.
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
    """`basket_cross_entropy` of vectors (Q, P) @ table (V + 1, P).T + biases (V + 1,) and what is `added`.

    Never all scores are held: scores, softmax and gradients are made part by part in one pass, so that a catalogue of
    a million items trains in the memory of its tables. As in Liger's fused linear cross-entropy (Hsu et al. 2024) the
    gradients are made on the way forward.
    precision: of the matrix products; softmax, sums and biases are float32.
    """
    if len(targets.starts) == 0:
        return (vectors.sum() + table.sum() + biases.sum() + score_delta.values.sum()) * 0.0
    loss: Tensor = _CatalogueCrossEntropy.apply(
        vectors, table, biases, score_delta.values, targets, score_delta, precision
    )
    return loss


class _CatalogueCrossEntropy(torch.autograd.Function):
    """Loss and gradients in one pass over parts of the questions."""

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
        delta_slices = _slice_per_chunk(score_delta.queries, chunks.boundaries)
        query, weight = targets.expand()
        target_slices = _slice_per_chunk(query, chunks.boundaries)
        for chunk, delta_slice, target_slice in zip(
            _slices(chunks.boundaries), delta_slices, target_slices, strict=True
        ):
            scores = chunks.scores(chunk)  # (C, V + 1)
            cells = (score_delta.queries[delta_slice] - chunk.start) * len(biases) + score_delta.items[delta_slice]
            scores.view(-1).index_add_(0, cells, values[delta_slice].float())
            scores[:, PAD] = -torch.inf
            probabilities = chunks.softmax(scores)
            target_cells = (query[target_slice] - chunk.start, targets.items[target_slice])
            loss -= (probabilities[target_cells].clamp(min=MIN_PROBABILITY).log() * weight[target_slice]).sum()
            gradient = probabilities.index_put_(target_cells, -weight[target_slice], accumulate=True)
            grad_values[delta_slice] = gradient.view(-1)[cells]
            grad_biases += gradient.sum(dim=0)
            chunks.accumulate_gradients(chunk, gradient, grad_vectors, grad_table)
        gradients = [x.div_(len(vectors)) for x in (grad_vectors, grad_table, grad_biases, grad_values)]
        ctx.save_for_backward(*gradients)
        return loss / len(vectors)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return (*(gradient * x for x in ctx.saved_tensors), None, None, None)


@dataclass(frozen=True)
class _ChunkedLogits:
    """The matrix products of a part of the questions, in memory that every part uses again.

    Fresh memory for each part would cost as much as the products: the system hands it out page by page.
    """

    vectors: Tensor  # (Q, P) rounded
    table: Tensor  # (V + 1, P) rounded
    biases: Tensor  # (V + 1,) float32
    boundaries: list[int]  # where parts begin, and Q
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

    def scores(self, chunk: slice) -> Tensor:
        """(C, V + 1) float32."""
        n_queries = chunk.stop - chunk.start
        torch.mm(self.vectors[chunk], self.table.T, out=self.product_buffer[:n_queries])
        return torch.add(self.product_buffer[:n_queries], self.biases, out=self.score_buffer[:n_queries])

    def softmax(self, scores: Tensor) -> Tensor:
        """(C, V + 1) -> the same shape."""
        return torch.softmax(scores, dim=1, out=self.softmax_buffer[: len(scores)])

    def accumulate_gradients(self, chunk: slice, gradient: Tensor, grad_vectors: Tensor, grad_table: Tensor) -> None:
        """Adds what the gradient (C, V + 1) of a part's scores means for vectors and table."""
        low_precision = self.product_buffer[: len(gradient)].copy_(gradient)
        grad_vectors[chunk] = low_precision @ self.table
        grad_table += low_precision.T @ self.vectors[chunk]


def _slices(boundaries: list[int]) -> Iterator[slice]:
    return (slice(low, high) for low, high in pairwise(boundaries))


def _slice_per_chunk(queries: Tensor, boundaries: list[int]) -> list[slice]:
    """For every part the range of rising `questions` that lies in it."""
    bounds = torch.searchsorted(queries, torch.tensor(boundaries, device=queries.device))
    return list(_slices(bounds.tolist()))


def chunk_size(n_columns: int, device: torch.device) -> int:
    """Questions whose scores are held at once."""
    if device.type == "cpu":
        return max(MIN_CHUNK_QUERIES, min(MAX_CHUNK_QUERIES, MAX_CHUNK_SCORES_CPU // n_columns))
    return max(1, MAX_CHUNK_SCORES_GPU // n_columns)


def learning_rate_factor(step: int, warmup_steps: int, total_steps: int) -> float:
    """Linear up over `warm_up` steps, then linear down to zero at `steps`."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    return max(0.0, (total_steps - step) / max(1, total_steps - warmup_steps))
