"""Outputs of a whole ranker for golden requests, and their differences from the outputs at export.

Differences are relative to the largest expected number; infinite if shapes differ or a number is not finite.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freshet.data.history import Ints, ModelInput
from freshet.data.text_columns import text_array
from freshet.data.vocabulary import Vocabulary
from freshet.inference.baselines import ItemKnnScorer, PopularityScorer, SequentialRulesScorer
from freshet.inference.bundle import Bundle
from freshet.inference.item_encoder import open_item_encoder
from freshet.inference.ranker import Ranker
from freshet.inference.scoring import Scorer, Scores, max_relative_difference, select_histories, top_k

MAX_REQUESTS: Final = 16  # short and long golden requests; with a million items more would take a gigabyte
TOP_K: Final = 20
MAX_SAMPLE_ITEMS: Final = 256  # evenly spread over the catalogue
FIELD_SEPARATOR: Final = "\x1f"  # occurs in no id, title or category


def compute_ranker_outputs(ranker: Ranker, batch: ModelInput) -> dict[str, NDArray[Any]]:
    """Return lists with ids and scores, the baselines' lists, and texts and embeddings of a sample of items."""
    bundle = ranker.bundle
    requests, sample_items = _sample_requests(batch), _sample_items(bundle.vocabulary)
    items, scores = top_k(ranker.score(requests), TOP_K)
    outputs = {
        "listed_ids": bundle.vocabulary.item_ids[items.ravel()],
        "listed_scores": scores,
        "sample": sample_items,
        "sample_texts": _sample_texts(bundle.vocabulary, sample_items),
    }
    for name, scorer in _baseline_scorers(bundle).items():
        outputs[f"{name}_items"], outputs[f"{name}_scores"] = top_k(
            scorer.score(_truncate_histories(requests, scorer)), TOP_K
        )
    embeddings = _content_only_embeddings(bundle, sample_items)
    return outputs if embeddings is None else {**outputs, "sample_vectors": embeddings}


def ranker_differences(ranker: Ranker, batch: ModelInput, expected: Mapping[str, NDArray[Any]]) -> dict[str, float]:
    """Part of the bundle → largest difference between its outputs and the expected ones."""
    bundle, requests = ranker.bundle, _sample_requests(batch)
    sample_items = expected["sample"][expected["sample"] <= len(bundle.vocabulary)]
    texts_match = list(_sample_texts(bundle.vocabulary, sample_items)) == list(expected["sample_texts"])
    differences = {"items": 0.0 if texts_match else float("inf")}
    listed_items = bundle.vocabulary.indices(expected["listed_ids"].tolist()).reshape(expected["listed_scores"].shape)
    differences["lists"] = _lists_difference(ranker.score(requests), listed_items, expected["listed_scores"])
    for name, scorer in _baseline_scorers(bundle).items():
        if f"{name}_items" in expected:
            scores = scorer.score(_truncate_histories(requests, scorer))
            differences[f"{name} baseline's lists"] = _lists_difference(
                scores, expected[f"{name}_items"], expected[f"{name}_scores"]
            )
    if "sample_vectors" in expected:
        embeddings = _content_only_embeddings(bundle, expected["sample"])
        differences["item encoder's embeddings"] = (
            float("inf") if embeddings is None else max_relative_difference(expected["sample_vectors"], embeddings)
        )
    return differences


def item_embeddings_difference(bundle: Bundle) -> float:
    """Return the difference of a sample of item embeddings from the bundle's own item encoder; 0 if it has none.

    An item without training events has the embedding of its content alone, others that of their id and content.
    """
    encoder = open_item_encoder(bundle)
    if encoder is None or any(field.kind == "vector" for field in encoder.schema):
        return 0.0  # content embeddings are not in the bundle
    sample_items = _sample_items(bundle.vocabulary)
    attributes, stored_embeddings = (
        bundle.vocabulary.item_attributes.take(sample_items),
        bundle.item_embeddings[sample_items],
    )
    encoded_variants = (encoder.encode(attributes, sample_items), encoder.encode(attributes))
    differences = np.min([np.abs(vectors - stored_embeddings).max(axis=1) for vectors in encoded_variants], axis=0)
    return float(differences.max(initial=0.0)) / max(float(np.abs(stored_embeddings).max(initial=0.0)), 1e-6)


def _lists_difference(scores: Scores, items: Ints, expected: Scores) -> float:
    """Compare scores (B, V + 1) with the expected lists: the scores of their items, and the best scores."""
    is_filled = np.isfinite(expected)
    actual = np.take_along_axis(scores, items, axis=1)
    best_scores = top_k(scores, items.shape[1])[1]
    if best_scores.shape != expected.shape or (np.isfinite(best_scores) != is_filled).any():
        return float("inf")
    return max(
        max_relative_difference(expected[is_filled], actual[is_filled]),
        max_relative_difference(expected[is_filled], best_scores[is_filled]),
    )


def _sample_requests(batch: ModelInput) -> ModelInput:
    """Return at most MAX_REQUESTS histories of a batch, from the shortest to the longest."""
    order = np.argsort(np.diff(batch.offsets), kind="stable")
    positions = np.unique(np.linspace(0, len(order) - 1, MAX_REQUESTS).round().astype(np.int64))
    return select_histories(batch, order[positions])


def _sample_items(vocabulary: Vocabulary) -> Ints:
    return np.unique(np.linspace(1, len(vocabulary), MAX_SAMPLE_ITEMS).round().astype(np.int64))


def _sample_texts(vocabulary: Vocabulary, items: Ints) -> NDArray[Any]:
    """Return one text for each item with all its vocabulary columns."""
    columns = (
        vocabulary.item_ids, vocabulary.titles, vocabulary.categories, vocabulary.prices, vocabulary.delisted,
        *(values for _, values in sorted(vocabulary.attributes.items())),
    )  # fmt: skip
    return text_array(FIELD_SEPARATOR.join(str(values[item]) for values in columns) for item in items)


def _baseline_scorers(bundle: Bundle) -> dict[str, Scorer]:
    excluded_items = bundle.vocabulary.excluded_items
    return {
        "popular": PopularityScorer(bundle.baselines, excluded_items),
        "item_to_item": ItemKnnScorer(bundle.baselines, excluded_items),
        "sequential_rules": SequentialRulesScorer(bundle.baselines, excluded_items),
    }


def _truncate_histories(batch: ModelInput, scorer: Scorer) -> ModelInput:
    """Return the latest events of each history, as many as the scorer reads."""
    sizes = np.minimum(np.diff(batch.offsets), scorer.max_history)
    ends = np.repeat(batch.offsets[1:], sizes)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    rows = ends - np.repeat(offsets[1:], sizes) + np.arange(int(offsets[-1]))
    return ModelInput(offsets, batch.items[rows], batch.types[rows], batch.gaps[rows], batch.times[rows])


def _content_only_embeddings(bundle: Bundle, items: Ints) -> Scores | None:
    """(n, D) embeddings of these items by their content alone; None for a bundle without item encoder."""
    encoder = open_item_encoder(bundle)
    return None if encoder is None else encoder.encode(bundle.vocabulary.item_attributes.take(items))
