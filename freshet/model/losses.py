"""What the model is taught: a softmax over all items whose mass belongs, in equal parts, to the next basket's items.

Shapes: Q questions, C of them in a part, M asked items, A added scores, P numbers of a vector, V items. In a catalogue
that is drawn from (freshet.model.drawing) the drawn items stand where V + 1 is written.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from freshet.columns import PAD

CELLS = 1 << 22  # scores held at once, if that is room for FEWEST_QUESTIONS: 16 MB stay in a CPU's cache
CELLS_ON_GPU = 1 << 28  # 1 GB, a large enough matrix for any GPU
MOST_QUESTIONS = 2048  # in a part on the CPU: more gain nothing
FEWEST_QUESTIONS = 32  # every part reads and writes the whole table: for a million items that is the time
TINY = 1e-38  # the least chance whose logarithm is taken


@dataclass(frozen=True)
class Added:
    """What is added to single scores: `values[a]` to that of item `items[a]` at question `questions[a]`, which rise."""

    questions: Tensor  # (A,)
    items: Tensor  # (A,)
    values: Tensor  # (A,)


@dataclass(frozen=True)
class Wanted:
    """The items asked for: question q wants items[starts[q]:starts[q + 1]], each with the weight 1 / how many."""

    items: Tensor  # (M,)
    starts: Tensor  # (Q,)

    def spread(self) -> tuple[Tensor, Tensor]:
        """(M,) question and (M,) weight of every asked item."""
        sizes = torch.diff(self.starts, append=self.starts.new_tensor([len(self.items)]))  # (Q,)
        numbers = torch.arange(len(self.starts), device=self.items.device)
        question = torch.repeat_interleave(numbers, sizes, output_size=len(self.items))  # (M,)
        return question, 1 / sizes[question]


def basket_cross_entropy(scores: Tensor, wanted: Wanted) -> Tensor:
    """Mean over Q questions of the cross-entropy between softmax(scores) and the wanted items.

    scores (Q, V + 1), of which column 0 = PAD is no answer. With one item each it is the plain cross-entropy of
    next-item models. No question at all: 0. It holds all scores at once: `catalogue_cross_entropy` does not.
    """
    if len(wanted.starts) == 0:
        return scores.sum() * 0.0
    question, weight = wanted.spread()
    asked = (scores[question, wanted.items] * weight).sum()
    return (torch.logsumexp(scores[:, 1:], dim=1).sum() - asked) / len(wanted.starts)


def catalogue_cross_entropy(
    vectors: Tensor,
    table: Tensor,
    biases: Tensor,
    wanted: Wanted,
    added: Added,
    precision: torch.dtype = torch.float32,
) -> Tensor:
    """`basket_cross_entropy` of vectors (Q, P) @ table (V + 1, P).T + biases (V + 1,) and what is `added`.

    Never all scores are held: scores, softmax and gradients are made part by part in one pass, so that a catalogue of
    a million items trains in the memory of its tables. As in Liger's fused linear cross-entropy (Hsu et al. 2024) the
    gradients are made on the way forward.
    precision: of the matrix products; softmax, sums and biases are float32.
    """
    if len(wanted.starts) == 0:
        return (vectors.sum() + table.sum() + biases.sum() + added.values.sum()) * 0.0
    loss: Tensor = _CatalogueCrossEntropy.apply(vectors, table, biases, added.values, wanted, added, precision)
    return loss


class _CatalogueCrossEntropy(torch.autograd.Function):
    """Loss and gradients in one pass over parts of the questions."""

    @staticmethod
    def forward(
        ctx: Any, vectors: Tensor, table: Tensor, biases: Tensor, values: Tensor,
        wanted: Wanted, added: Added, precision: torch.dtype,
    ) -> Tensor:  # fmt: skip
        parts = _Parts.of(vectors, table, biases, precision)
        loss = vectors.new_zeros((), dtype=torch.float32)
        to_vectors, to_table, to_biases = (torch.zeros_like(x, dtype=torch.float32) for x in (vectors, table, biases))
        to_values = torch.empty_like(values, dtype=torch.float32)
        of_added = _cut(added.questions, parts.edges)
        question, weight = wanted.spread()
        of_wanted = _cut(question, parts.edges)
        for part, extra, asked in zip(_slices(parts.edges), of_added, of_wanted, strict=True):
            scores = parts.scores(part)  # (C, V + 1)
            cells = (added.questions[extra] - part.start) * len(biases) + added.items[extra]
            scores.view(-1).index_add_(0, cells, values[extra].float())
            scores[:, PAD] = -torch.inf
            chances = parts.softmax(scores)
            at = (question[asked] - part.start, wanted.items[asked])
            loss -= (chances[at].clamp(min=TINY).log() * weight[asked]).sum()
            gradient = chances.index_put_(at, -weight[asked], accumulate=True)
            to_values[extra] = gradient.view(-1)[cells]
            to_biases += gradient.sum(dim=0)
            parts.back(part, gradient, to_vectors, to_table)
        gradients = [x.div_(len(vectors)) for x in (to_vectors, to_table, to_biases, to_values)]
        ctx.save_for_backward(*gradients)
        return loss / len(vectors)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return (*(gradient * x for x in ctx.saved_tensors), None, None, None)


@dataclass(frozen=True)
class _Parts:
    """The matrix products of a part of the questions, in memory that every part uses again.

    Fresh memory for each part would cost as much as the products: the system hands it out page by page.
    """

    vectors: Tensor  # (Q, P) rounded
    table: Tensor  # (V + 1, P) rounded
    biases: Tensor  # (V + 1,) float32
    edges: list[int]  # where parts begin, and Q
    rounded: Tensor  # (C, V + 1)
    whole: Tensor  # (C, V + 1) float32
    chances: Tensor  # (C, V + 1) float32

    @classmethod
    def of(cls, vectors: Tensor, table: Tensor, biases: Tensor, precision: torch.dtype) -> "_Parts":
        size = min(part_size(len(table), vectors.device), len(vectors))
        edges = [*range(0, len(vectors), size), len(vectors)]
        whole = vectors.new_empty((size, len(table)), dtype=torch.float32)
        rounded, chances = torch.empty_like(whole, dtype=precision), torch.empty_like(whole)
        vectors, table = (x.to(precision).contiguous() for x in (vectors, table))
        return cls(vectors, table, biases.float(), edges, rounded, whole, chances)

    def scores(self, part: slice) -> Tensor:
        """(C, V + 1) float32."""
        rows = part.stop - part.start
        torch.mm(self.vectors[part], self.table.T, out=self.rounded[:rows])
        return torch.add(self.rounded[:rows], self.biases, out=self.whole[:rows])

    def softmax(self, scores: Tensor) -> Tensor:
        """(C, V + 1) -> the same shape."""
        return torch.softmax(scores, dim=1, out=self.chances[: len(scores)])

    def back(self, part: slice, gradient: Tensor, to_vectors: Tensor, to_table: Tensor) -> None:
        """Adds what the gradient (C, V + 1) of a part's scores means for vectors and table."""
        narrow = self.rounded[: len(gradient)].copy_(gradient)
        to_vectors[part] = narrow @ self.table
        to_table += narrow.T @ self.vectors[part]


def _slices(edges: list[int]) -> Iterator[slice]:
    return (slice(low, high) for low, high in pairwise(edges))


def _cut(questions: Tensor, edges: list[int]) -> list[slice]:
    """For every part the range of rising `questions` that lies in it."""
    marks = torch.searchsorted(questions, torch.tensor(edges, device=questions.device))
    return list(_slices(marks.tolist()))


def part_size(columns: int, device: torch.device) -> int:
    """Questions whose scores are held at once."""
    if device.type == "cpu":
        return max(FEWEST_QUESTIONS, min(MOST_QUESTIONS, CELLS // columns))
    return max(1, CELLS_ON_GPU // columns)


def learning_rate_factor(step: int, warm_up: int, steps: int) -> float:
    """Linear up over `warm_up` steps, then linear down to zero at `steps`."""
    if step < warm_up:
        return (step + 1) / warm_up
    return max(0.0, (steps - step) / max(1, steps - warm_up))
