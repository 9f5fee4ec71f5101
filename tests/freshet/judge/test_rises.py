import pytest

from freshet.judge.rises import suspicious_rise
from freshet.judge.yardstick import Standing

PAST = [
    Standing(1, "a" * 64, {"challenger": 0.28, "item-to-item": 0.2, "popular": 0.05}),
    Standing(2, "b" * 64, {"challenger": 0.27, "item-to-item": 0.21, "popular": 0.05}),
]


def rise(now: dict[str, float], surely: dict[str, float] | None = None, past=PAST) -> str:
    return suspicious_rise(now, surely or now, past, ["challenger", "champion"], ["item-to-item", "popular"], 0.15)


def test_figures_like_those_of_before_are_believed():
    assert rise({"challenger": 0.31, "champion": 0.30, "item-to-item": 0.22, "popular": 0.06}) == ""


def test_a_rise_that_the_baselines_share_is_the_data():
    assert rise({"challenger": 0.34, "champion": 0.33, "item-to-item": 0.3, "popular": 0.05}) == (
        "NDCG is too good to be true, beside the best of the last 2 releases (challenger 0.2800 → 0.3400, +21%; "
        "champion 0.2800 → 0.3300, +18%), and baselines rose with it (item-to-item 0.2100 → 0.3000, +43%; popular "
        "0.0500 → 0.0500, +0%): it is the data, look for events that are written twice"
    )


def test_a_rise_that_nobody_shares_is_the_model():
    said = rise({"challenger": 0.40, "champion": 0.27, "item-to-item": 0.21, "popular": 0.05})
    assert said.endswith("no baseline rose with it (item-to-item 0.2100 → 0.2100, +0%; popular 0.0500 → 0.0500, +0%): "
                         "look whether the model knows what it is asked for")  # fmt: skip
    assert "champion" not in said


def test_a_champion_that_rises_is_enough_for_its_weights_are_what_they_were():
    assert "(champion 0.2800 → 0.3500, +25%)" in rise({"challenger": 0.3, "champion": 0.35, "item-to-item": 0.2})


def test_a_rise_that_may_be_luck_is_believed():
    now = {"challenger": 0.34, "item-to-item": 0.2}
    assert rise(now, {"challenger": 0.27}) == ""
    assert rise(now, {"challenger": 0.29}) != ""


@pytest.mark.parametrize("past", [[], [Standing(1, "a" * 64, {"popular": 0.05})]])
def test_without_a_past_nothing_can_be_too_good(past):
    assert rise({"challenger": 0.9, "champion": 0.9, "item-to-item": 0.9}, past=past) == ""
