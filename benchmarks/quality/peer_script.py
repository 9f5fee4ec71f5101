"""Runs in the peers' own environment: reads a split, writes lists.

python -m benchmarks.quality.peer_script sasrec|cosine|als split.npz lists.npz '{"seed": 1, …}'
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, Any]


def main() -> None:
    """Ask the method named."""
    method, data, out, words = sys.argv[1:]
    with np.load(Path(data)) as file:
        arrays = {name: file[name] for name in file.files}
    told = json.loads(words)
    if method == "sasrec":
        from benchmarks.quality.peer_sasrec import answer

        lists, facts = answer(arrays, told)
    else:
        lists, facts = _implicit(method, arrays, told), {}
    np.savez(Path(out), lists=lists, facts=json.dumps(facts))


def _implicit(method: str, arrays: Arrays, told: dict[str, Any]) -> Any:
    """(C, deepest) of implicit's cosine item-item or ALS; how often somebody had an item is its weight."""
    from implicit.als import AlternatingLeastSquares
    from implicit.nearest_neighbours import CosineRecommender

    name = "refit" if "refit_items" in arrays else "train"  # no epochs to choose: all that may be known
    if method == "cosine":
        model = CosineRecommender(K=100)
    else:
        model = AlternatingLeastSquares(random_state=told["seed"], factors=128)
    model.fit(_matrix(arrays, name), show_progress=False)
    cases, deepest = _matrix(arrays, "test"), int(arrays["deepest"])
    lists = np.zeros((cases.shape[0], deepest), dtype=np.int64)
    for start in range(0, len(lists), 4096):
        rows = np.arange(start, min(start + 4096, len(lists)))
        found, scores = model.recommend(
            rows, cases[rows], N=deepest, filter_already_liked_items=bool(arrays["exclude_seen"]), recalculate_user=True
        )
        usable = np.isfinite(scores) & (scores > np.finfo(np.float32).min) & (found > 0)
        lists[rows, : found.shape[1]] = np.where(usable, found, 0)
    return lists


def _matrix(arrays: Arrays, name: str) -> Any:
    """(histories, V + 1) how often each item stands in each, as compressed rows."""
    from scipy import sparse

    items, offsets = arrays[f"{name}_items"], arrays[f"{name}_offsets"]
    ones = np.ones(len(items), dtype=np.float32)
    matrix = sparse.csr_matrix((ones, items, offsets), shape=(len(offsets) - 1, int(arrays["items"]) + 1))
    matrix.sum_duplicates()
    return matrix


if __name__ == "__main__":
    main()
