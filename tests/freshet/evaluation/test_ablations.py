"""Ablations of a ranker whose blend tables and encoder rank differently."""

from dataclasses import replace

import numpy as np
import pytest

from freshet.data.knn_blend import KnnBlend
from freshet.evaluation.ablations import EncoderOnlyRanker, blend_only_ranker
from freshet.inference.bundle import open_bundle
from freshet.inference.ranker import Ranker, open_ranker
from freshet.inference.scoring import top_k
from tests.tiny_bundle import encoder_input, view_histories, write_bundle


@pytest.fixture
def blended_ranker(tmp_path) -> Ranker:
    """In its table f (6) is a neighbour of a (1), with a large weight; the encoder ranks odd items first for a."""
    write_bundle(tmp_path / "bundle")
    ranker = open_ranker(open_bundle(tmp_path / "bundle"))
    neighbours = np.zeros((7, 2), dtype=np.int32)
    neighbours[1, 0] = 6
    similarities = (neighbours > 0).astype(np.float32)
    baselines = replace(ranker.bundle.baselines, neighbours=neighbours, neighbour_scores=similarities)
    manifest = ranker.bundle.manifest.model_copy(update={"blend": KnnBlend(knn_weight=100.0)})
    return replace(ranker, bundle=replace(ranker.bundle, baselines=baselines, manifest=manifest))


def best_items(scorer, *items: str) -> list[int]:
    return top_k(scorer.score(encoder_input(view_histories(list(items)))), 3)[0][0].tolist()


def test_the_blend_decides_in_the_whole_ranker(blended_ranker):
    assert best_items(blended_ranker, "a")[0] == 6


def test_the_encoder_alone_ranks_without_the_blend(blended_ranker):
    assert best_items(EncoderOnlyRanker(blended_ranker), "a") == [5, 3, 1]


def test_the_blend_alone_ranks_without_the_encoder(blended_ranker):
    batch = encoder_input(view_histories(["a"]))
    scores = blend_only_ranker(blended_ranker).score(batch)[0]
    assert scores[6] == pytest.approx(blended_ranker.score(batch)[0][6])  # its encoder score is 0
    assert scores[1:6].tolist() == [0.0] * 5


def test_zero_weights_leave_the_ranker_with_its_blend_alone(blended_ranker):
    dead = blend_only_ranker(blended_ranker)
    batch = encoder_input(view_histories(["a"], ["b", "a"]))
    assert (dead.score(batch) == blend_only_ranker(dead).score(batch)).all()
    assert best_items(EncoderOnlyRanker(dead), "a") == best_items(EncoderOnlyRanker(dead), "b")


def test_an_unknown_shopper_gets_popular_items_from_both_parts(blended_ranker):
    assert (
        best_items(EncoderOnlyRanker(blended_ranker))
        == best_items(blend_only_ranker(blended_ranker))
        == best_items(blended_ranker)
        == [2, 5, 4]
    )
