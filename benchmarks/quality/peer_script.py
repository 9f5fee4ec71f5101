"""The script that runs in the peers' environment: it reads a split and writes the lists of one method.

python -m benchmarks.quality.peer_script sasrec|cosine|als split.npz lists.npz '{"seed": 1, …}'
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, Any]


def main() -> None:
    """Rank with the method named on the command line."""
    method, split_path, lists_path, options_json = sys.argv[1:]
    with np.load(Path(split_path)) as file:
        arrays = {name: file[name] for name in file.files}
    options = json.loads(options_json)
    if method == "sasrec":
        from benchmarks.quality.peer_sasrec import train_and_rank

        lists, stats = train_and_rank(arrays, options)
    else:
        lists, stats = _rank_with_implicit(method, arrays, options), {}
    np.savez(Path(lists_path), lists=lists, stats=json.dumps(stats))


def _rank_with_implicit(method: str, arrays: Arrays, options: dict[str, Any]) -> Any:
    """(C, list_length) lists of implicit's cosine item-item or ALS; an item's weight is its count in the history."""
    from implicit.als import AlternatingLeastSquares
    from implicit.nearest_neighbours import CosineRecommender

    name = "refit" if "refit_items" in arrays else "train"  # no epochs to choose: all training data
    if method == "cosine":
        model = CosineRecommender(K=100)
    else:
        model = AlternatingLeastSquares(random_state=options["seed"], factors=128)
    model.fit(_interaction_matrix(arrays, name), show_progress=False)
    cases, list_length = _interaction_matrix(arrays, "test"), int(arrays["list_length"])
    lists = np.zeros((cases.shape[0], list_length), dtype=np.int64)
    for start in range(0, len(lists), 4096):
        rows = np.arange(start, min(start + 4096, len(lists)))
        items, scores = model.recommend(
            rows,
            cases[rows],
            N=list_length,
            filter_already_liked_items=bool(arrays["exclude_seen"]),
            recalculate_user=True,
        )
        is_valid = np.isfinite(scores) & (scores > np.finfo(np.float32).min) & (items > 0)
        lists[rows, : items.shape[1]] = np.where(is_valid, items, 0)
    return lists


def _interaction_matrix(arrays: Arrays, name: str) -> Any:
    """(histories, V + 1) counts of every item in every history, as compressed rows."""
    from scipy import sparse

    items, offsets = arrays[f"{name}_items"], arrays[f"{name}_offsets"]
    ones = np.ones(len(items), dtype=np.float32)
    matrix = sparse.csr_matrix((ones, items, offsets), shape=(len(offsets) - 1, int(arrays["items"]) + 1))
    matrix.sum_duplicates()
    return matrix


if __name__ == "__main__":
    main()
