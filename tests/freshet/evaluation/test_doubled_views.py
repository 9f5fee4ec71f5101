"""A simulated tracker that writes every view twice, a second apart: the guards hold the release.

Baskets become easier to predict, so NDCG rises for the model and for item-to-item alike, but recommendations do not
improve.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from benchmarks.drift_alarms import with_doubled_views
from benchmarks.simulation_training import simulated_training_set
from freshet.data.knn_blend import KnnBlend
from freshet.data.training_set import TrainingSet
from freshet.evaluation.ablations import blend_only_ranker
from freshet.evaluation.baseline_ratio import ReleaseMetrics
from freshet.evaluation.comparison import Comparison, compare
from freshet.evaluation.guard_params import GuardParams
from freshet.evaluation.guards import GuardInputs, GuardResult, apply_guards, run_guards
from freshet.evaluation.params import EvaluationParams
from freshet.evaluation.verdict import decide_verdict
from freshet.inference.baselines import build_baselines
from freshet.inference.bundle import open_bundle
from freshet.inference.ranker import Ranker
from freshet.simulation.params import ShopParams
from freshet.simulation.shop import generate
from tests.tiny_bundle import write_bundle

TRAIN_UNTIL, AS_OF = 11, 13


@dataclass(frozen=True)
class LastItemEncoder:
    """A shopper encoder that always ranks the last item of the history first."""

    def run(self, names: Sequence[str], feeds: dict[str, Any]) -> list[np.ndarray]:
        is_event = np.asarray(feeds["items"]) > 0
        ago = is_event.sum(axis=1, keepdims=True) - np.arange(1, is_event.shape[1] + 1)
        return [np.zeros((len(is_event), 2), np.float32), np.where(is_event, 3.0 * 0.2**ago, 0.0).astype(np.float32)]


@pytest.fixture(scope="module")
def training_set() -> TrainingSet:
    return simulated_training_set(generate(ShopParams(seed=3, shoppers=400, items=150, days=15)), TRAIN_UNTIL, AS_OF)


@pytest.fixture(scope="module")
def ranker(training_set, tmp_path_factory) -> Ranker:
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder)
    tiny = open_bundle(folder)
    manifest = tiny.manifest.model_copy(update={"blend": KnnBlend(rule_weight=3.0), "max_history": 20})
    vectors = np.zeros((len(training_set.vocabulary) + 1, 2), np.float32)
    bundle = replace(
        tiny,
        vocabulary=training_set.vocabulary,
        item_embeddings=vectors,
        baselines=build_baselines(training_set),
        manifest=manifest,
    )
    return Ranker(bundle, LastItemEncoder())


def doubled_set(training_set: TrainingSet, share: float) -> TrainingSet:
    """A share of the views that landed after the cut, each with a copy a second before it."""
    return replace(training_set, histories=with_doubled_views(training_set.histories, training_set.train_until, share))


def evaluate_release(
    training_set: TrainingSet, ranker: Ranker, past_releases: Sequence[ReleaseMetrics]
) -> tuple[Comparison, dict[str, GuardResult], Any]:
    comparison = compare(training_set, ranker, ranker, max_cases=2000)
    params = EvaluationParams(bootstrap_samples=200)
    signals = run_guards(GuardInputs(comparison, past_releases, params, GuardParams(), same_configuration=True))
    verdict = decide_verdict(comparison, params, same_configuration=True)
    return (
        comparison,
        {sign.guard: sign for sign in signals},
        apply_guards(verdict, [s for s in signals if s.guard in WATCHED_GUARDS]),
    )


WATCHED_GUARDS = ("rise", "echo")


def release_metrics_of(comparison: Comparison) -> ReleaseMetrics:
    return ReleaseMetrics(1, "a" * 64, {name: row["ndcg@10"] for name, row in comparison.evaluation.table.items()})


@pytest.fixture(scope="module")
def calm_metrics(training_set, ranker) -> ReleaseMetrics:
    comparison, _, verdict = evaluate_release(training_set, ranker, ())
    assert verdict.released
    return release_metrics_of(comparison)


def test_without_doubled_views_the_verdict_is_unchanged(training_set, ranker, calm_metrics):
    _, signals, verdict = evaluate_release(training_set, ranker, [calm_metrics])
    assert verdict.released
    assert (signals["rise"].message, signals["echo"].message) == ("", "")


def test_doubled_views_hold_the_release(training_set, ranker, calm_metrics):
    comparison, signals, verdict = evaluate_release(doubled_set(training_set, 0.5), ranker, [calm_metrics])
    table = comparison.evaluation.table
    assert table["challenger"]["ndcg@10"] > 1.2 * calm_metrics.ndcg["challenger"]
    assert verdict.passed  # no worse than the champion and the baselines, which rose with it
    assert not verdict.released
    assert "the data has changed, check for events that are written twice" in signals["rise"].message
    assert "of the baskets repeat the item of seconds before" in signals["echo"].message


def test_a_few_of_them_are_seen_by_their_share_before_the_figures_show_them(training_set, ranker, calm_metrics):
    _, signals, verdict = evaluate_release(doubled_set(training_set, 0.2), ranker, [calm_metrics])
    assert not verdict.released
    assert signals["echo"].is_hold


def test_doubled_views_hold_the_first_release_too(training_set, ranker):
    _, signals, verdict = evaluate_release(doubled_set(training_set, 0.5), ranker, ())
    assert (verdict.passed, verdict.released) == (True, False)
    assert signals["rise"].message == ""


def test_a_ranker_with_a_useless_encoder_is_held_on_real_baskets(training_set, ranker):
    _, signals, _ = evaluate_release(training_set, blend_only_ranker(ranker), ())
    assert signals["encoder"].is_hold
    assert signals["sameness"].message.startswith("its encoder alone recommends nearly the same to all shoppers")
