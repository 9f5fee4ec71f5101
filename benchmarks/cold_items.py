"""What content is worth: NDCG@10 on items with 0, with 1 to 5 and with more training events, with and without content.

    python -m benchmarks.cold_items [--days 28] [--held 4] [--turnover 0.01] [--seeds 0] [--id-dropout 0.1,0.2]

On the simulated shop, where every day some items are delisted and others come new. Every model is trained on what
landed by the cut and asked for every basket after it, all items ranked.
Last line of stdout: {"data": {…}, "models": {name: {slice: ndcg}}, "seconds": …}.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from freshet.data.eval_cases import EvalCases, next_basket_cases
from freshet.data.history import ModelInput
from freshet.data.training_set import TrainingSet
from freshet.evaluation.evaluate import evaluate_cases, filter_targets
from freshet.inference.scoring import EXCLUDED_SCORE, Scores
from freshet.item_schema import ItemSchema, parse_schema
from freshet.model.params import TrainParams
from freshet.model.serving_encoder import PaddedShopperEncoder, score_items
from freshet.training.trainer import train

FEW_EVENTS = 5
K = 10


@dataclass(frozen=True)
class TorchModelScorer:
    """The model as validation scores, for every item of the vocabulary."""

    encoder: PaddedShopperEncoder
    item_vectors: torch.Tensor
    max_history: int

    @property
    def n_scores(self) -> int:
        """V + 1."""
        return len(self.item_vectors)

    @torch.inference_mode()
    def score(self, batch: ModelInput) -> Scores:
        """(B, V + 1)."""
        items, types, gaps = (torch.from_numpy(x) for x in batch.pad())
        vectors, repeats = self.encoder(items, types, gaps)
        scores: Scores = score_items(vectors, repeats, items, self.item_vectors).numpy()
        scores[:, 0] = EXCLUDED_SCORE
        return scores


def main() -> None:
    """Train every model and print the table."""
    args = _parse_args()
    dataset = _simulated_dataset(args)
    cases = next_basket_cases(dataset.histories, dataset.train_until, dataset.as_of)
    slices = item_slices(dataset)
    start, results = time.perf_counter(), {}
    for name, params, inputs in _configurations(args, dataset.vocabulary.item_schema):
        scorer = _train_scorer(dataset, params, inputs)
        results[name] = ndcg_by_slice(scorer, cases, slices)
        print(
            f"{name:<34}" + "".join(f"  {slice_name} {value:.4f}" for slice_name, value in results[name].items()),
            flush=True,
        )
    counts = {part: int(items[cases.targets].sum()) for part, items in slices.items()}
    data_summary = {"items": len(dataset.vocabulary), "cases": len(cases), "targets": counts}
    print(json.dumps({"data": data_summary, "models": results, "seconds": round(time.perf_counter() - start, 1)}))


def item_slices(dataset: TrainingSet) -> dict[str, NDArray[np.bool_]]:
    """Name → (V + 1,) the items with so many events up to the cut."""
    training_items = dataset.histories.items[dataset.histories.days <= dataset.train_until]
    event_counts = np.bincount(training_items, minlength=len(dataset.vocabulary) + 1)
    is_item = np.arange(len(event_counts)) > 0
    return {
        "all": is_item,
        "no event": is_item & (event_counts == 0),
        "1 to 5": (event_counts >= 1) & (event_counts <= FEW_EVENTS) & is_item,
        "more": (event_counts > FEW_EVENTS) & is_item,
    }


def ndcg_by_slice(scorer: TorchModelScorer, cases: EvalCases, slices: dict[str, NDArray[np.bool_]]) -> dict[str, float]:
    """NDCG@10 by slice, each as if only its items had been asked for."""
    scores = evaluate_cases(scorer, cases, [K])
    return {name: filter_targets(scores, cases, items).means([K])[f"ndcg@{K}"] for name, items in slices.items()}


def _train_scorer(dataset: TrainingSet, params: TrainParams, item_schema: ItemSchema) -> TorchModelScorer:
    dataset_with_schema = replace(dataset, vocabulary=replace(dataset.vocabulary, item_schema=item_schema))
    model: Any = train(
        dataset_with_schema, params, "cpu", lambda p: _print_progress(f"epoch {p.epoch} {p.ndcg_at_10:.4f}")
    ).model
    return TorchModelScorer(PaddedShopperEncoder(model).eval(), model.item_vectors().detach(), params.max_history)


def _configurations(args: argparse.Namespace, item_schema: ItemSchema) -> Iterator[tuple[str, TrainParams, ItemSchema]]:
    """Without content; with it; with it and every share of ids dropped; each with every seed."""
    for seed in args.seeds:
        params = TrainParams(seed=seed)
        yield f"without content, seed {seed}", params.model_copy(update={"id_dropout": 0.0}), ()
        for id_dropout in args.id_dropout:
            yield (
                f"content, id_dropout {id_dropout:g}, seed {seed}",
                params.model_copy(update={"id_dropout": id_dropout}),
                item_schema,
            )


def _simulated_dataset(args: argparse.Namespace) -> TrainingSet:
    from benchmarks.simulation_training import simulated_training_set
    from freshet.simulation.params import ShopParams
    from freshet.simulation.shop import generate

    last_day = args.days - 1
    params = ShopParams(
        first_day=date(2024, 1, 1), days=args.days, shoppers=args.shoppers, items=args.items,
        catalogue_churn=args.turnover,
    )  # fmt: skip
    dataset = simulated_training_set(generate(params), last_day - args.held, last_day)
    return replace(dataset, vocabulary=replace(dataset.vocabulary, item_schema=parse_schema(args.inputs)))


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, kind, default in (("days", int, 28), ("held", int, 4), ("turnover", float, 0.01), ("items", int, 600)):
        parser.add_argument(f"--{name}", type=kind, default=default)
    parser.add_argument("--shoppers", type=int, default=2000)
    parser.add_argument("--seeds", type=lambda text: [int(x) for x in text.split(",")], default=[0])
    parser.add_argument("--id-dropout", type=lambda text: [float(x) for x in text.split(",")], default=[0.0, 0.1, 0.2])
    parser.add_argument("--inputs", default="title:words,category:category,price:number")
    return parser.parse_args()


def _print_progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
