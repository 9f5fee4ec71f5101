"""Guards on answers made by hand: what holds a verdict that the statistics would release."""

from collections.abc import Sequence

import numpy as np
import pytest

from freshet.judge.comparison import Comparison, Evaluation, Part
from freshet.judge.evaluation import Scores
from freshet.judge.guard_params import GuardParams
from freshet.judge.guards import GUARDS, QUIET, Judgeable, Sign, guarded, signs
from freshet.judge.params import JudgeParams
from freshet.judge.verdict import decide
from freshet.judge.yardstick import Standing

CASES = 400
SCORERS = ("challenger", "champion", "anchor", "item-to-item", "popular", "encoder alone", "blend alone")
HEALTHY = {
    "challenger": 200, "champion": 200, "anchor": 160, "item-to-item": 120, "popular": 40, "encoder alone": 180,
    "blend alone": 130,
}  # fmt: skip


def answers(hits: Sequence[bool]) -> Scores:
    """One target a case, at the first place or nowhere."""
    first = np.zeros((len(hits), 10), dtype=bool)
    first[:, 0] = hits
    return Scores(first.astype(np.int64), first, np.ones(len(hits), dtype=np.int64))


def spread(good: int) -> np.ndarray:
    """`good` of the CASES are hit, and not the first ones: who is hit by one scorer need not be by another."""
    return np.random.default_rng(good).permutation(CASES) < good


def comparison(table: dict[str, dict[str, float]] | None = None, echoes: tuple[float, float] = (0, 0),
               repeats: tuple[float, float] = (0, 0), **changed):  # fmt: skip
    good = {
        **HEALTHY,
        **{name.replace("_", " ").replace("item to item", "item-to-item"): n for name, n in changed.items()},
    }
    scores = {name: answers(spread(good[name])) for name in SCORERS if good[name] is not None}
    rows = {name: {"ndcg@10": good[name] / CASES, "personalisation@10": 0.9, "coverage@10": 0.5,
                   "popularity_share@10": 0.3, **(table or {}).get(name, {})} for name in scores}  # fmt: skip
    evaluation = Evaluation(
        cut=0, as_of=7, cases=CASES, targets=CASES, unknown_targets=0, ks=(10,), table=rows, slices={}, seconds={},
        items=1000, echoes=echoes[0], echoes_before=echoes[1], repeats=repeats[0], repeats_before=repeats[1],
    )  # fmt: skip
    return Comparison(evaluation, scores, np.arange(CASES))


def look(what: Comparison, past: Sequence[Standing] = (), fresher: bool = True, **limits) -> dict[str, Sign]:
    told = signs(Judgeable(what, past, JudgeParams(), GuardParams(**limits), fresher))
    assert [sign.guard for sign in told] == list(GUARDS)
    return {sign.guard: sign for sign in told if sign.said}


def test_of_a_healthy_challenger_no_guard_says_anything():
    assert look(comparison()) == {}
    assert look(comparison(champion=None, anchor=None), fresher=False) == {}


def dead(fresher: bool = False) -> Comparison:
    """All weights zero: the blend alone answers, and it beats the baselines."""
    what = comparison(champion=None, anchor=None, challenger=180, blend_alone=180, encoder_alone=2)
    assert (what.scores["challenger"].hits == what.scores["blend alone"].hits).all()
    return what


def test_weights_that_are_all_zero_pass_the_statistics_and_are_held():
    verdict = decide(dead(), JudgeParams())
    assert verdict.released  # that is what was wrong: item-to-item and popular are beaten
    held = guarded(verdict, signs(Judgeable(dead(), (), JudgeParams(), GuardParams(), fresher=False)))
    assert (held.released, held.passed) == (False, True)
    assert held.held == ("the encoder alone is not surely better than what is popular (NDCG@10 0.0050 against 0.1000)",)


@pytest.mark.parametrize("fresher", [True, False])
def test_an_encoder_that_changes_no_answer_is_held_even_where_it_could_answer_alone(fresher):
    what = comparison(challenger=180, blend_alone=180)
    sign = look(what, fresher=fresher)["encoder"]
    assert sign.holds
    assert sign.said == "the model is not better with its encoder than without it (NDCG@10 0.4500 against 0.4500)"


def test_on_a_night_with_little_to_show_a_fresh_encoder_is_believed_and_a_first_one_warned_of():
    what = comparison(challenger=134, blend_alone=130, encoder_alone=132)
    assert "encoder" not in look(what, fresher=True)
    sign = look(what, fresher=False)["encoder"]
    assert not sign.holds
    assert (
        sign.said == "the model is not surely better with its encoder than without it (NDCG@10 0.3350 against 0.3250)"
    )


def test_a_blend_that_spoils_what_the_encoder_knows_is_warned_of():
    sign = look(comparison(encoder_alone=240))["encoder"]
    assert not sign.holds
    assert sign.said == (
        "the encoder alone is surely better than what is made of it by blending (NDCG@10 0.6000 against 0.5000)"
    )


@pytest.mark.parametrize(("who", "words"), [("challenger", "the new model"), ("encoder alone", "its encoder alone")])
def test_the_same_answer_for_everybody_is_held(who, words):
    sign = look(comparison({who: {"personalisation@10": 0.2}}))["sameness"]
    assert sign.holds
    assert sign.said == (
        f"{words} answers nearly the same to everybody: the first 10 of two shoppers differ in 20% of their places, by "
        "chance they would in 99% (needed 30%)"
    )


def test_narrower_lists_than_the_champions_are_a_warning():
    sign = look(comparison({"challenger": {"coverage@10": 0.2, "popularity_share@10": 0.6}}))["narrowing"]
    assert not sign.holds
    assert sign.said == (
        "it shows 20.0% of all items, the champion 50.0%; 60% of its places go to popular items, of the champion's 30%"
    )


def test_an_anchor_that_is_surely_better_holds():
    sign = look(comparison(anchor=260))["anchor"]
    assert sign.holds
    assert sign.said == "the frozen release 1 is surely better than it (NDCG@10 0.5000 against 0.6500)"
    assert "anchor" not in look(comparison(anchor=204))


PAST = [Standing(n, "a" * 64, {"challenger": 0.5, "item-to-item": 0.3, "popular": 0.1}) for n in range(1, 5)]


def test_a_loss_against_the_baselines_over_releases_is_a_warning():
    worse = [*PAST, *(Standing(n, "a" * 64, {"challenger": 0.4, "item-to-item": 0.3}) for n in (5, 6, 7))]
    sign = look(comparison(challenger=160, champion=160), worse)["ratio"]
    assert not sign.holds
    assert sign.said.startswith("it is 1.33 times as good as the best baseline, 80% of the 1.67 that release 1 reached")


def test_figures_far_above_all_before_hold():
    assert look(comparison(), PAST) == {}
    sign = look(comparison(challenger=260, champion=250, item_to_item=120), PAST)["rise"]
    assert sign.holds
    assert "look whether the model knows what it is asked for" in sign.said


def test_figures_that_rise_with_the_baselines_hold_where_baskets_repeat_the_item_before():
    risen = {"challenger": 260, "champion": 250, "item_to_item": 160}
    young = look(comparison(**risen), PAST)["rise"]
    assert (young.holds, "it may be a young shop's longer histories" in young.said) == (False, True)
    for more in ({"echoes": (0.1, 0.02)}, {"repeats": (0.3, 0.2)}):
        twice = look(comparison(**risen, **more), PAST)["rise"]
        assert (twice.holds, "look for events that are written twice" in twice.said) == (True, True)
    assert not look(comparison(**risen, repeats=(0.3, 0.28)), PAST)["rise"].holds


def test_baskets_that_repeat_the_last_look_more_than_they_did_hold():
    sign = look(comparison(echoes=(0.45, 0.02)))["echo"]
    assert sign.said == (
        "45% of the baskets ask again for the item of seconds before, on the days before only 2%: look for events that "
        "are written twice"
    )
    assert look(comparison(echoes=(0.45, 0.40))) == {}  # people of this shop do that


def sliced(*rows: tuple[str, int, int, int]) -> Comparison:
    """Slices of (name, baskets, champion's hits, challenger's hits), the challenger's among the champion's."""
    what = comparison()
    parts = {}
    for name, size, theirs, mine in rows:
        place = np.arange(size)
        parts[name] = Part({"champion": answers(place < theirs), "challenger": answers(place < mine)}, place)
    return Comparison(what.evaluation, what.scores, what.owners, parts)


def test_a_slice_that_is_surely_far_worse_holds_with_its_figures():
    sign = look(sliced(("rare items", 200, 100, 60), ("head items", 200, 100, 100)))["slices"]
    assert sign.holds
    assert sign.said.startswith("it serves a part of the shop worse than the champion: rare items 0.5000 → 0.3000 (200")


def test_a_slice_that_is_surely_a_little_worse_warns():
    sign = look(sliced(("rare items", 2000, 1000, 940)))["slices"]
    assert not sign.holds


def test_a_slice_of_few_shoppers_or_that_may_be_luck_says_nothing():
    assert look(sliced(("rare items", 40, 20, 0))) == {}
    assert look(sliced(("rare items", 200, 100, 98))) == {}


def test_of_ten_slices_that_stayed_as_they_are_hardly_ever_one_is_said_to_have_fallen():
    rng, alarms = np.random.default_rng(5), 0
    what = comparison()
    for _ in range(200):
        parts = {
            str(n): Part({who: answers(rng.random(300) < 0.3) for who in ("champion", "challenger")}, np.arange(300))
            for n in range(10)
        }
        alarms += bool(look(Comparison(what.evaluation, what.scores, what.owners, parts)))
    assert alarms <= 20  # 5 % of 200 nights are 10; without the correction it would be about 80


def test_with_too_few_baskets_guards_are_quiet():
    assert [sign.guard for sign in QUIET] == list(GUARDS)
    assert not any(sign.said for sign in QUIET)
