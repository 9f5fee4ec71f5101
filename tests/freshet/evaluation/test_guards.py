"""Guards on hand-made scores: reasons to hold a verdict that the margin tests would release."""

from collections.abc import Sequence

import numpy as np
import pytest

from freshet.evaluation.baseline_ratio import ReleaseMetrics
from freshet.evaluation.comparison import Comparison, Evaluation, SliceScores
from freshet.evaluation.evaluate import CaseScores
from freshet.evaluation.guard_params import GuardParams
from freshet.evaluation.guards import GUARDS, SILENT_GUARDS, GuardInputs, GuardResult, apply_guards, run_guards
from freshet.evaluation.params import EvaluationParams
from freshet.evaluation.verdict import decide_verdict

N_CASES = 400
SCORER_NAMES = ("challenger", "champion", "anchor", "item-to-item", "popular", "encoder alone", "blend alone")
HEALTHY_METRICS = {
    "challenger": 200, "champion": 200, "anchor": 160, "item-to-item": 120, "popular": 40, "encoder alone": 180,
    "blend alone": 130,
}  # fmt: skip


def case_scores(hits: Sequence[bool]) -> CaseScores:
    """One target a case, at the first place or nowhere."""
    first = np.zeros((len(hits), 10), dtype=bool)
    first[:, 0] = hits
    return CaseScores(first.astype(np.int64), first, np.ones(len(hits), dtype=np.int64))


def spread_hits(n_hits: int) -> np.ndarray:
    """`good` of the CASES are hit, and not the first ones: who is hit by one scorer need not be by another."""
    return np.random.default_rng(n_hits).permutation(N_CASES) < n_hits


def comparison(table: dict[str, dict[str, float]] | None = None, echoes: tuple[float, float] = (0, 0),
               repeats: tuple[float, float] = (0, 0), **hit_overrides):  # fmt: skip
    default_hits = {
        **HEALTHY_METRICS,
        **{name.replace("_", " ").replace("item to item", "item-to-item"): n for name, n in hit_overrides.items()},
    }
    scores = {
        name: case_scores(spread_hits(default_hits[name])) for name in SCORER_NAMES if default_hits[name] is not None
    }
    rows = {name: {"ndcg@10": default_hits[name] / N_CASES, "personalisation@10": 0.9, "coverage@10": 0.5,
                   "popularity_share@10": 0.3, **(table or {}).get(name, {})} for name in scores}  # fmt: skip
    evaluation = Evaluation(
        train_until=0,
        as_of=7,
        n_cases=N_CASES,
        n_targets=N_CASES,
        n_unknown_targets=0,
        ks=(10,),
        table=rows,
        slices={},
        scoring_seconds={},
        n_items=1000,
        echo_share=echoes[0],
        reference_echo_share=echoes[1],
        repeat_share=repeats[0],
        reference_repeat_share=repeats[1],
    )
    return Comparison(evaluation, scores, np.arange(N_CASES))


def triggered_guards(
    model_comparison: Comparison, past_releases: Sequence[ReleaseMetrics] = (), fresher: bool = True, **limits
) -> dict[str, GuardResult]:
    results = run_guards(
        GuardInputs(model_comparison, past_releases, EvaluationParams(), GuardParams(**limits), fresher)
    )
    assert [result.guard for result in results] == list(GUARDS)
    return {result.guard: result for result in results if result.message}


def test_a_sound_challenger_triggers_no_guard():
    assert triggered_guards(comparison()) == {}
    assert triggered_guards(comparison(champion=None, anchor=None), fresher=False) == {}


def dead_weights(fresher: bool = False) -> Comparison:
    """Scores of a model with all weights zero: its blend alone beats the baselines."""
    model_comparison = comparison(champion=None, anchor=None, challenger=180, blend_alone=180, encoder_alone=2)
    assert (model_comparison.scores["challenger"].hits == model_comparison.scores["blend alone"].hits).all()
    return model_comparison


def test_weights_that_are_all_zero_pass_the_statistics_and_are_held():
    verdict = decide_verdict(dead_weights(), EvaluationParams())
    assert verdict.released  # that is what was wrong: item-to-item and popular are beaten
    guarded_verdict = apply_guards(
        verdict,
        run_guards(GuardInputs(dead_weights(), (), EvaluationParams(), GuardParams(), same_configuration=False)),
    )
    assert (guarded_verdict.released, guarded_verdict.passed) == (False, True)
    assert guarded_verdict.holds == (
        "the encoder alone is not significantly better than popular items (NDCG@10 0.0050 against 0.1000)",
    )


@pytest.mark.parametrize("fresher", [True, False])
def test_an_encoder_that_changes_no_list_holds_even_if_it_is_good_alone(fresher):
    model_comparison = comparison(challenger=180, blend_alone=180)
    result = triggered_guards(model_comparison, fresher=fresher)["encoder"]
    assert result.is_hold
    assert result.message == "the model is not better with its encoder than without it (NDCG@10 0.4500 against 0.4500)"


def test_an_insignificant_encoder_gain_warns_only_if_the_configuration_changed():
    model_comparison = comparison(challenger=134, blend_alone=130, encoder_alone=132)
    assert "encoder" not in triggered_guards(model_comparison, fresher=True)
    result = triggered_guards(model_comparison, fresher=False)["encoder"]
    assert not result.is_hold
    assert (
        result.message
        == "the model is not significantly better with its encoder than without it (NDCG@10 0.3350 against 0.3250)"
    )


def test_a_blend_that_makes_the_encoder_worse_is_a_warning():
    result = triggered_guards(comparison(encoder_alone=240))["encoder"]
    assert not result.is_hold
    assert result.message == (
        "the encoder alone is significantly better than the model that blends it (NDCG@10 0.6000 against 0.5000)"
    )


@pytest.mark.parametrize(("scorer", "words"), [("challenger", "the new model"), ("encoder alone", "its encoder alone")])
def test_the_same_list_for_all_shoppers_holds(scorer, words):
    result = triggered_guards(comparison({scorer: {"personalisation@10": 0.2}}))["sameness"]
    assert result.is_hold
    assert result.message == (
        f"{words} recommends nearly the same to all shoppers: the top 10 of two shoppers differ in 20% of their items, "
        "random lists in 99% (required 30%)"
    )


def test_narrower_lists_than_the_champions_are_a_warning():
    result = triggered_guards(comparison({"challenger": {"coverage@10": 0.2, "popularity_share@10": 0.6}}))["narrowing"]
    assert not result.is_hold
    assert result.message == (
        "its lists cover 20.0% of all items, the champion's 50.0%; "
        "popular items take 60% of its lists, 30% of the champion's"
    )


def test_a_significantly_better_anchor_holds():
    result = triggered_guards(comparison(anchor=260))["anchor"]
    assert result.is_hold
    assert result.message == "the anchor, release 1, is significantly better than it (NDCG@10 0.5000 against 0.6500)"
    assert "anchor" not in triggered_guards(comparison(anchor=204))


PAST_RELEASES = [
    ReleaseMetrics(n, "a" * 64, {"challenger": 0.5, "item-to-item": 0.3, "popular": 0.1}) for n in range(1, 5)
]


def test_a_loss_against_the_baselines_over_releases_is_a_warning():
    worse_past_releases = [
        *PAST_RELEASES,
        *(ReleaseMetrics(n, "a" * 64, {"challenger": 0.4, "item-to-item": 0.3}) for n in (5, 6, 7)),
    ]
    result = triggered_guards(comparison(challenger=160, champion=160), worse_past_releases)["ratio"]
    assert not result.is_hold
    assert result.message.startswith("its NDCG is 1.33 times the best baseline's, 80% of the 1.67 times of release 1")


def test_metrics_far_above_past_releases_hold():
    assert triggered_guards(comparison(), PAST_RELEASES) == {}
    result = triggered_guards(comparison(challenger=260, champion=250, item_to_item=120), PAST_RELEASES)["rise"]
    assert result.is_hold
    assert "check for a leak of held-out events into training" in result.message


def test_a_gain_shared_by_the_baselines_holds_if_more_baskets_repeat_the_item_before():
    raised_hits = {"challenger": 260, "champion": 250, "item_to_item": 160}
    young = triggered_guards(comparison(**raised_hits), PAST_RELEASES)["rise"]
    assert (young.is_hold, "longer histories of a young shop may explain it" in young.message) == (False, True)
    for overrides in ({"echoes": (0.1, 0.02)}, {"repeats": (0.3, 0.2)}):
        rise = triggered_guards(comparison(**raised_hits, **overrides), PAST_RELEASES)["rise"]
        assert (rise.is_hold, "check for events that are written twice" in rise.message) == (True, True)
    assert not triggered_guards(comparison(**raised_hits, repeats=(0.3, 0.28)), PAST_RELEASES)["rise"].is_hold


def test_a_higher_share_of_echo_baskets_holds():
    result = triggered_guards(comparison(echoes=(0.45, 0.02)))["echo"]
    assert result.message == (
        "45% of the baskets repeat the item of seconds before, 2% on earlier days: "
        "check for events that are written twice"
    )
    assert triggered_guards(comparison(echoes=(0.45, 0.40))) == {}  # people of this shop do that


def sliced_comparison(*rows: tuple[str, int, int, int]) -> Comparison:
    """Slices of (name, baskets, champion's hits, challenger's hits), the challenger's among the champion's."""
    model_comparison = comparison()
    parts = {}
    for name, size, champion_hits, challenger_hits in rows:
        case_index = np.arange(size)
        parts[name] = SliceScores(
            {
                "champion": case_scores(case_index < champion_hits),
                "challenger": case_scores(case_index < challenger_hits),
            },
            case_index,
        )
    return Comparison(model_comparison.evaluation, model_comparison.scores, model_comparison.shopper_index, parts)


def test_a_slice_that_is_significantly_and_far_worse_holds_with_its_metrics():
    result = triggered_guards(sliced_comparison(("rare items", 200, 100, 60), ("head items", 200, 100, 100)))["slices"]
    assert result.is_hold
    assert result.message.startswith("it is worse than the champion in a slice: rare items 0.5000 → 0.3000 (200")


def test_a_slice_that_is_significantly_but_slightly_worse_warns():
    result = triggered_guards(sliced_comparison(("rare items", 2000, 1000, 940)))["slices"]
    assert not result.is_hold


def test_a_small_or_insignificantly_worse_slice_triggers_no_guard():
    assert triggered_guards(sliced_comparison(("rare items", 40, 20, 0))) == {}
    assert triggered_guards(sliced_comparison(("rare items", 200, 100, 98))) == {}


def test_ten_unchanged_slices_rarely_trigger_the_guard():
    rng, alarms = np.random.default_rng(5), 0
    model_comparison = comparison()
    for _ in range(200):
        parts = {
            str(n): SliceScores(
                {scorer: case_scores(rng.random(300) < 0.3) for scorer in ("champion", "challenger")}, np.arange(300)
            )
            for n in range(10)
        }
        alarms += bool(
            triggered_guards(
                Comparison(model_comparison.evaluation, model_comparison.scores, model_comparison.shopper_index, parts)
            )
        )
    assert alarms <= 20  # 5 % of 200 nights are 10; without the correction it would be about 80


def test_with_too_few_baskets_no_guard_is_triggered():
    assert [result.guard for result in SILENT_GUARDS] == list(GUARDS)
    assert not any(result.message for result in SILENT_GUARDS)
