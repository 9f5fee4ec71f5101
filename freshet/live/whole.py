"""What a whole ranker answers to golden requests, and how far another one's answers are from it.

A difference is a share of the largest number that was answered; infinite where something else stands in its place.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from freshet.history import Ints, ModelInput
from freshet.live.baselines import ItemToItem, Popular, SequentialRules
from freshet.live.bundle import Bundle
from freshet.live.item_encoder import open_item_encoder
from freshet.live.ranker import Ranker
from freshet.live.scorer import Scorer, Scores, taken, top_k
from freshet.texts import texts
from freshet.vocabulary import Vocabulary

ASKED: Final = 16  # of the golden requests, short and long ones: of a million items more would cost a gigabyte
TOP: Final = 20
ITEMS: Final = 256  # of the catalogue, evenly spread
BETWEEN: Final = "\x1f"  # stands in no id, title or category


def whole_answers(ranker: Ranker, batch: ModelInput) -> dict[str, NDArray[Any]]:
    """Lists with ids and scores, the baselines' lists, what is said of some items, and those items' vectors."""
    bundle = ranker.bundle
    asked, sample = _asked(batch), _sample(bundle.vocabulary)
    items, scores = top_k(ranker.score(asked), TOP)
    answers = {
        "listed_ids": bundle.vocabulary.item_ids[items.ravel()],
        "listed_scores": scores,
        "sample": sample,
        "sample_texts": _sample_texts(bundle.vocabulary, sample),
    }
    for name, scorer in _baselines(bundle).items():
        answers[f"{name}_items"], answers[f"{name}_scores"] = top_k(scorer.score(_latest(asked, scorer)), TOP)
    vectors = _new_vectors(bundle, sample)
    return answers if vectors is None else {**answers, "sample_vectors": vectors}


def difference_of(ranker: Ranker, batch: ModelInput, sealed: Mapping[str, NDArray[Any]]) -> dict[str, float]:
    """Part of the bundle → how far its answers are from the sealed ones."""
    bundle, asked = ranker.bundle, _asked(batch)
    known = sealed["sample"][sealed["sample"] <= len(bundle.vocabulary)]
    same = list(_sample_texts(bundle.vocabulary, known)) == list(sealed["sample_texts"])
    differences = {"items": 0.0 if same else float("inf")}
    listed = bundle.vocabulary.index_of(sealed["listed_ids"].tolist()).reshape(sealed["listed_scores"].shape)
    differences["lists"] = _lists_difference(ranker.score(asked), listed, sealed["listed_scores"])
    for name, scorer in _baselines(bundle).items():
        if f"{name}_items" in sealed:
            scores = scorer.score(_latest(asked, scorer))
            differences[f"{name} baseline's lists"] = _lists_difference(
                scores, sealed[f"{name}_items"], sealed[f"{name}_scores"]
            )
    if "sample_vectors" in sealed:
        vectors = _new_vectors(bundle, sealed["sample"])
        off = float("inf") if vectors is None else _difference(sealed["sample_vectors"], vectors)
        differences["item encoder's vectors"] = off
    return differences


def item_vectors_difference(bundle: Bundle) -> float:
    """How far some of the item vectors are from what the bundle's own item encoder gives; 0 where that cannot be asked.

    An item that the model never met has the vector of its content alone, any other that of its number and its content.
    """
    encoder = open_item_encoder(bundle)
    if encoder is None or any(field.kind == "vector" for field in encoder.schema):
        return 0.0  # vectors of a catalogue are not in the bundle
    sample = _sample(bundle.vocabulary)
    columns, stored = bundle.vocabulary.columns.rows(sample), bundle.item_vectors[sample]
    encodings = (encoder.encode(columns, sample), encoder.encode(columns))
    off = np.min([np.abs(vectors - stored).max(axis=1) for vectors in encodings], axis=0)
    return float(off.max(initial=0.0)) / max(float(np.abs(stored).max(initial=0.0)), 1e-6)


def _lists_difference(scores: Scores, items: Ints, sealed: Scores) -> float:
    """Of scores (B, V + 1): those of the sealed items, and the best ones; where room is left nothing is compared."""
    there = np.isfinite(sealed)
    own = np.take_along_axis(scores, items, axis=1)
    best = top_k(scores, items.shape[1])[1]
    if best.shape != sealed.shape or (np.isfinite(best) != there).any():
        return float("inf")
    return max(_difference(sealed[there], own[there]), _difference(sealed[there], best[there]))


def _difference(want: Scores, got: Scores) -> float:
    if want.shape != got.shape or not np.isfinite(got).all():
        return float("inf")
    return float(np.abs(want - got).max(initial=0.0)) / max(float(np.abs(want).max(initial=0.0)), 1e-6)


def _asked(batch: ModelInput) -> ModelInput:
    """At most ASKED histories of a batch, from the shortest to the longest."""
    order = np.argsort(np.diff(batch.offsets), kind="stable")
    places = np.unique(np.linspace(0, len(order) - 1, ASKED).round().astype(np.int64))
    return taken(batch, order[places])


def _sample(vocabulary: Vocabulary) -> Ints:
    return np.unique(np.linspace(1, len(vocabulary), ITEMS).round().astype(np.int64))


def _sample_texts(vocabulary: Vocabulary, items: Ints) -> NDArray[Any]:
    """One text for each item: everything that the vocabulary says of it."""
    columns = (
        vocabulary.item_ids, vocabulary.titles, vocabulary.categories, vocabulary.prices, vocabulary.tombstones,
        *(values for _, values in sorted(vocabulary.attributes.items())),
    )  # fmt: skip
    return texts(BETWEEN.join(str(values[item]) for values in columns) for item in items)


def _baselines(bundle: Bundle) -> dict[str, Scorer]:
    never = bundle.vocabulary.tombstones | (np.arange(len(bundle.vocabulary) + 1) == 0)
    return {
        "popular": Popular(bundle.baselines, never),
        "item_to_item": ItemToItem(bundle.baselines, never),
        "sequential_rules": SequentialRules(bundle.baselines, never),
    }


def _latest(batch: ModelInput, scorer: Scorer) -> ModelInput:
    """The events that the scorer reads: the latest of each history."""
    sizes = np.minimum(np.diff(batch.offsets), scorer.length)
    ends = np.repeat(batch.offsets[1:], sizes)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    places = ends - np.repeat(offsets[1:], sizes) + np.arange(int(offsets[-1]))
    return ModelInput(offsets, batch.items[places], batch.types[places], batch.gaps[places], batch.times[places])


def _new_vectors(bundle: Bundle, items: Ints) -> Scores | None:
    """(n, E) what the item encoder makes of these items' content; None for a bundle without one."""
    encoder = open_item_encoder(bundle)
    return None if encoder is None else encoder.encode(bundle.vocabulary.columns.rows(items))
