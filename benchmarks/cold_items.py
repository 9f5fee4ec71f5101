"""Cold items: NDCG@10 on items with 0, 1 to 5 and more training events, of models with and without item content.

    python -m benchmarks.cold_items [--days 28] [--holdout-days 4] [--catalogue-churn 0.01] [--id-dropout 0.1,0.2]

On the simulated shop, where every day some items are delisted and new ones appear. Every model is trained on the days
before the holdout and evaluated on every basket in it; all items are ranked. Last line: JSON.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.arguments import parse_floats, parse_ints
from benchmarks.report import print_progress, print_result
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
    """A scorer of all items of the vocabulary with the model in torch, as in the validation of a training."""

    encoder: PaddedShopperEncoder
    item_embeddings: torch.Tensor
    max_history: int

    @property
    def n_scores(self) -> int:
        """V + 1."""
        return len(self.item_embeddings)

    @torch.inference_mode()
    def score(self, batch: ModelInput) -> Scores:
        """(B, V + 1) scores."""
        items, types, gaps = (torch.from_numpy(x) for x in batch.pad())
        vectors, repeats = self.encoder(items, types, gaps)
        scores: Scores = score_items(vectors, repeats, items, self.item_embeddings).numpy()
        scores[:, 0] = EXCLUDED_SCORE
        return scores


def main() -> None:
    """Train and evaluate every model, print a line for each and the JSON line."""
    args = _parse_args()
    dataset = _simulated_dataset(args)
    cases = next_basket_cases(dataset.histories, dataset.train_until, dataset.as_of)
    slices = item_slices(dataset)
    start, results = time.perf_counter(), {}
    for name, params, item_schema in _configurations(args, dataset.vocabulary.item_schema):
        results[name] = ndcg_by_slice(_train_scorer(dataset, params, item_schema), cases, slices)
        print_progress(f"{name:<34}" + "".join(f"  {part} {value:.4f}" for part, value in results[name].items()))
    counts = {part: int(items[cases.targets].sum()) for part, items in slices.items()}
    data_summary = {"items": len(dataset.vocabulary), "cases": len(cases), "targets": counts}
    seconds = round(time.perf_counter() - start, 1)
    print_result("cold_items", {"data": data_summary, "models": results, "seconds": seconds})


def item_slices(dataset: TrainingSet) -> dict[str, NDArray[np.bool_]]:
    """Slice → (V + 1,) whether an item belongs to it, by its number of training events."""
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
    """NDCG@10 by slice; only the slice's items count as targets."""
    scores = evaluate_cases(scorer, cases, [K])
    return {name: filter_targets(scores, cases, items).means([K])[f"ndcg@{K}"] for name, items in slices.items()}


def _train_scorer(dataset: TrainingSet, params: TrainParams, item_schema: ItemSchema) -> TorchModelScorer:
    dataset_with_schema = replace(dataset, vocabulary=replace(dataset.vocabulary, item_schema=item_schema))
    model: Any = train(
        dataset_with_schema, params, "cpu", lambda p: print_progress(f"epoch {p.epoch} {p.ndcg_at_10:.4f}")
    ).model
    return TorchModelScorer(PaddedShopperEncoder(model).eval(), model.item_embeddings().detach(), params.max_history)


def _configurations(args: argparse.Namespace, item_schema: ItemSchema) -> Iterator[tuple[str, TrainParams, ItemSchema]]:
    """(name, parameters, item schema) of the models: without content and with every `id_dropout`, for every seed."""
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
        catalogue_churn=args.catalogue_churn,
    )  # fmt: skip
    dataset = simulated_training_set(generate(params), last_day - args.holdout_days, last_day)
    return replace(dataset, vocabulary=replace(dataset.vocabulary, item_schema=parse_schema(args.item_schema)))


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--holdout-days", type=int, default=4)
    parser.add_argument("--catalogue-churn", type=float, default=0.01)
    parser.add_argument("--items", type=int, default=600)
    parser.add_argument("--shoppers", type=int, default=2000)
    parser.add_argument("--seeds", type=parse_ints, default=[0])
    parser.add_argument("--id-dropout", type=parse_floats, default=[0.0, 0.1, 0.2])
    parser.add_argument("--item-schema", default="title:words,category:category,price:number")
    return parser.parse_args()


if __name__ == "__main__":
    main()
