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

from freshet.cases import Cases, next_basket_cases
from freshet.history import ModelInput
from freshet.item_inputs import Schema, parse_schema
from freshet.judge.evaluation import evaluate, narrowed
from freshet.live.scorer import NEVER, Scores
from freshet.model.padded import PaddedShopperEncoder, scores_of
from freshet.model.params import TrainParams
from freshet.model.training import train
from freshet.training_set import TrainingSet

FEW = 5
K = 10


@dataclass(frozen=True)
class TorchScorer:
    """The model as validation scores, for every item of the vocabulary."""

    encoder: PaddedShopperEncoder
    item_vectors: torch.Tensor
    length: int

    @property
    def width(self) -> int:
        """V + 1."""
        return len(self.item_vectors)

    @torch.inference_mode()
    def score(self, batch: ModelInput) -> Scores:
        """(B, V + 1)."""
        items, types, gaps = (torch.from_numpy(x) for x in batch.padded())
        vectors, repeats = self.encoder(items, types, gaps)
        scores: Scores = scores_of(vectors, repeats, items, self.item_vectors).numpy()
        scores[:, 0] = NEVER
        return scores


def main() -> None:
    """Train every model and print the table."""
    arguments = _arguments()
    data = _simulated(arguments)
    cases = next_basket_cases(data.histories, data.cut, data.as_of)
    slices = slices_of(data)
    begun, rows = time.perf_counter(), {}
    for name, params, inputs in _models(arguments, data.vocabulary.inputs):
        scorer = _trained(data, params, inputs)
        rows[name] = measured(scorer, cases, slices)
        print(f"{name:<34}" + "".join(f"  {part} {value:.4f}" for part, value in rows[name].items()), flush=True)
    counts = {part: int(items[cases.targets].sum()) for part, items in slices.items()}
    about = {"items": len(data.vocabulary), "cases": len(cases), "targets": counts}
    print(json.dumps({"data": about, "models": rows, "seconds": round(time.perf_counter() - begun, 1)}))


def slices_of(data: TrainingSet) -> dict[str, NDArray[np.bool_]]:
    """Name → (V + 1,) the items with so many events up to the cut."""
    taught = data.histories.items[data.histories.days <= data.cut]
    events = np.bincount(taught, minlength=len(data.vocabulary) + 1)
    there = np.arange(len(events)) > 0
    return {
        "all": there,
        "no event": there & (events == 0),
        "1 to 5": (events >= 1) & (events <= FEW) & there,
        "more": (events > FEW) & there,
    }


def measured(scorer: TorchScorer, cases: Cases, slices: dict[str, NDArray[np.bool_]]) -> dict[str, float]:
    """NDCG@10 by slice, each as if only its items had been asked for."""
    found = evaluate(scorer, cases, [K])
    return {name: narrowed(found, cases, items).means([K])[f"ndcg@{K}"] for name, items in slices.items()}


def _trained(data: TrainingSet, params: TrainParams, inputs: Schema) -> TorchScorer:
    described = replace(data, vocabulary=replace(data.vocabulary, inputs=inputs))
    model: Any = train(described, params, "cpu", lambda p: _say(f"epoch {p.epoch} {p.ndcg_at_10:.4f}")).model
    return TorchScorer(PaddedShopperEncoder(model).eval(), model.item_vectors().detach(), params.length)


def _models(arguments: argparse.Namespace, inputs: Schema) -> Iterator[tuple[str, TrainParams, Schema]]:
    """Without content; with it; with it and every share of ids dropped; each with every seed."""
    for seed in arguments.seeds:
        params = TrainParams(seed=seed)
        yield f"without content, seed {seed}", params.model_copy(update={"id_dropout": 0.0}), ()
        for share in arguments.id_dropout:
            yield f"content, id_dropout {share:g}, seed {seed}", params.model_copy(update={"id_dropout": share}), inputs


def _simulated(arguments: argparse.Namespace) -> TrainingSet:
    from benchmarks.simulation_training import training_set
    from freshet.simulation.params import ShopParams
    from freshet.simulation.shop import generate

    last = arguments.days - 1
    params = ShopParams(
        first_day=date(2024, 1, 1), days=arguments.days, shoppers=arguments.shoppers, items=arguments.items,
        turnover=arguments.turnover,
    )  # fmt: skip
    data = training_set(generate(params), last - arguments.held, last)
    return replace(data, vocabulary=replace(data.vocabulary, inputs=parse_schema(arguments.inputs)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, kind, usual in (("days", int, 28), ("held", int, 4), ("turnover", float, 0.01), ("items", int, 600)):
        parser.add_argument(f"--{name}", type=kind, default=usual)
    parser.add_argument("--shoppers", type=int, default=2000)
    parser.add_argument("--seeds", type=lambda text: [int(x) for x in text.split(",")], default=[0])
    parser.add_argument("--id-dropout", type=lambda text: [float(x) for x in text.split(",")], default=[0.0, 0.1, 0.2])
    parser.add_argument("--inputs", default="title:words,category:category,price:number")
    return parser.parse_args()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
