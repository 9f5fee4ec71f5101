"""Implausible gains over past releases: plausible ones, warnings and holds."""

import pytest

from freshet.evaluation.baseline_ratio import ReleaseMetrics
from freshet.evaluation.implausible_rise import implausible_rise

PAST_STANDINGS = [
    ReleaseMetrics(1, "a" * 64, {"challenger": 0.28, "item-to-item": 0.2, "popular": 0.05}),
    ReleaseMetrics(2, "b" * 64, {"challenger": 0.27, "item-to-item": 0.21, "popular": 0.05}),
]


def rise_guard(
    current, lower_bound=None, past_standings=PAST_STANDINGS, *, repeating: bool = False
) -> tuple[str, bool]:
    models, baselines = ["challenger", "champion"], ["item-to-item", "popular"]
    return implausible_rise(
        current, lower_bound or current, past_standings, models, baselines, 0.15, has_more_repeats=repeating
    )


def rise_message(
    current: dict[str, float], lower_bound: dict[str, float] | None = None, past_standings=PAST_STANDINGS
) -> str:
    return rise_guard(current, lower_bound, past_standings)[0]


def test_metrics_like_those_of_past_releases_are_plausible():
    assert rise_message({"challenger": 0.31, "champion": 0.30, "item-to-item": 0.22, "popular": 0.06}) == ""


SHARED_RISE = {"challenger": 0.34, "champion": 0.33, "item-to-item": 0.3, "popular": 0.05}


def test_a_rise_that_the_baselines_share_is_the_data_where_more_baskets_repeat_the_item_before():
    message, holds = rise_guard(SHARED_RISE, repeating=True)
    assert holds
    assert message == (
        "NDCG is implausibly high compared with the best of the last 2 releases (challenger 0.2800 → 0.3400, +21%; "
        "champion 0.2800 → 0.3300, +18%), and the baselines rose with it (item-to-item 0.2100 → 0.3000, +43%; popular "
        "0.0500 → 0.0500, +0%): the data has changed, check for events that are written twice"
    )


def test_a_shared_rise_without_more_repeats_only_warns():
    message, holds = rise_guard(SHARED_RISE)
    assert not holds
    assert message.endswith(
        "popular 0.0500 → 0.0500, +0%): the share of repeated items did not rise, so longer histories of a young shop "
        "may explain it"
    )


@pytest.mark.parametrize("repeating", [False, True])
def test_a_gain_of_the_model_alone_holds(repeating):
    now = {"challenger": 0.40, "champion": 0.27, "item-to-item": 0.21, "popular": 0.05}
    message, holds = rise_guard(now, repeating=repeating)
    assert holds
    assert message.endswith(
        "and the baselines did not rise as much (item-to-item 0.2100 → 0.2100, +0%; popular 0.0500 → 0.0500, +0%): "
        "check for a leak of held-out events into training"
    )
    assert "champion" not in message


@pytest.mark.parametrize("others", [{"item-to-item": 0.22, "popular": 0.08}, {"item-to-item": 0.24}, {}])
def test_a_rise_more_than_twice_that_of_the_good_baselines_holds(others):
    assert rise_guard({"challenger": 0.40, **others})[1]


def test_a_champion_that_rises_is_enough_for_its_weights_are_what_they_were():
    assert "(champion 0.2800 → 0.3500, +25%)" in rise_message(
        {"challenger": 0.3, "champion": 0.35, "item-to-item": 0.2}
    )


def test_an_insignificant_rise_is_plausible():
    now = {"challenger": 0.34, "item-to-item": 0.2}
    assert rise_message(now, {"challenger": 0.27}) == ""
    assert rise_message(now, {"challenger": 0.29}) != ""


@pytest.mark.parametrize("past", [[], [ReleaseMetrics(1, "a" * 64, {"popular": 0.05})]])
def test_without_past_releases_no_gain_is_implausible(past):
    assert rise_message({"challenger": 0.9, "champion": 0.9, "item-to-item": 0.9}, past_standings=past) == ""
