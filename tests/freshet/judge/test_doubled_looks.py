"""A tracker that writes a look twice, a second apart, played on a simulated shop: nothing is served better by it.

Baskets become easier to guess and NDCG rises, of the model and of item-to-item alike. It used to pass as "no worse".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from benchmarks.drift_alarms import doubled_histories
from benchmarks.simulation_training import training_set
from freshet.judge.comparison import Comparison, compare
from freshet.judge.guard_params import GuardParams
from freshet.judge.guards import Judgeable, Sign, guarded, signs
from freshet.judge.params import JudgeParams
from freshet.judge.parts import blend_alone
from freshet.judge.verdict import decide
from freshet.judge.yardstick import Standing
from freshet.live.baselines import build_baselines
from freshet.live.bundle import open_bundle
from freshet.live.ranker import Ranker
from freshet.neighbourhood import Blend
from freshet.simulation.params import ShopParams
from freshet.simulation.shop import generate
from freshet.training_set import TrainingSet
from tests.tiny_bundle import write_bundle

CUT, AS_OF = 11, 13


@dataclass(frozen=True)
class Repeats:
    """A shopper encoder that knows one thing: people come back to what they had last."""

    def run(self, names: Sequence[str], feeds: dict[str, Any]) -> list[np.ndarray]:
        known = np.asarray(feeds["items"]) > 0
        ago = known.sum(axis=1, keepdims=True) - np.arange(1, known.shape[1] + 1)
        return [np.zeros((len(known), 2), np.float32), np.where(known, 3.0 * 0.2**ago, 0.0).astype(np.float32)]


@pytest.fixture(scope="module")
def data() -> TrainingSet:
    return training_set(generate(ShopParams(seed=3, shoppers=400, items=150, days=15)), CUT, AS_OF)


@pytest.fixture(scope="module")
def ranker(data, tmp_path_factory) -> Ranker:
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder)
    tiny = open_bundle(folder)
    manifest = tiny.manifest.model_copy(update={"blend": Blend(rules=3.0), "length": 20})
    vectors = np.zeros((len(data.vocabulary) + 1, 2), np.float32)
    bundle = replace(
        tiny, vocabulary=data.vocabulary, item_vectors=vectors, baselines=build_baselines(data), manifest=manifest
    )
    return Ranker(bundle, Repeats())


def doubled(data: TrainingSet, share: float) -> TrainingSet:
    """A share of the looks that landed after the cut, each with a copy a second before it."""
    return replace(data, histories=doubled_histories(data.histories, data.cut, share))


def judge(data: TrainingSet, ranker: Ranker, past: Sequence[Standing]) -> tuple[Comparison, dict[str, Sign], Any]:
    comparison = compare(data, ranker, ranker, most_cases=2000)
    params = JudgeParams(samples=200)
    told = signs(Judgeable(comparison, past, params, GuardParams(), fresher=True))
    verdict = decide(comparison, params, same_configuration=True)
    return comparison, {sign.guard: sign for sign in told}, guarded(verdict, [s for s in told if s.guard in WATCHED])


WATCHED = ("rise", "echo")


def standing(comparison: Comparison) -> Standing:
    return Standing(1, "a" * 64, {name: row["ndcg@10"] for name, row in comparison.evaluation.table.items()})


@pytest.fixture(scope="module")
def calm(data, ranker) -> Standing:
    comparison, _, verdict = judge(data, ranker, ())
    assert verdict.released
    return standing(comparison)


def test_the_shop_as_it_was_is_judged_as_before(data, ranker, calm):
    _, told, verdict = judge(data, ranker, [calm])
    assert verdict.released
    assert (told["rise"].said, told["echo"].said) == ("", "")


def test_looks_that_are_written_twice_hold_the_release_for_a_person(data, ranker, calm):
    comparison, told, verdict = judge(doubled(data, 0.5), ranker, [calm])
    table = comparison.evaluation.table
    assert table["challenger"]["ndcg@10"] > 1.2 * calm.ndcg["challenger"]
    assert verdict.passed  # no worse than the champion and the baselines, which rose with it
    assert not verdict.released
    assert "it is the data, look for events that are written twice" in told["rise"].said
    assert "of the baskets ask again for the item of seconds before" in told["echo"].said


def test_a_few_of_them_are_seen_by_their_share_before_the_figures_show_them(data, ranker, calm):
    _, told, verdict = judge(doubled(data, 0.2), ranker, [calm])
    assert not verdict.released
    assert told["echo"].holds


def test_without_any_release_before_they_are_held_too(data, ranker):
    _, told, verdict = judge(doubled(data, 0.5), ranker, ())
    assert (verdict.passed, verdict.released) == (True, False)
    assert told["rise"].said == ""


def test_a_ranker_whose_encoder_says_nothing_is_held_on_real_baskets(data, ranker):
    _, told, _ = judge(data, blend_alone(ranker), ())
    assert told["encoder"].holds
    assert told["sameness"].said.startswith("its encoder alone answers nearly the same to everybody")
