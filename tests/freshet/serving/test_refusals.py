"""What is refused unread is said once a minute, and nothing of it is left unsaid."""

from freshet.serving.metrics import Metrics
from freshet.serving.refusals import PAUSE, Refusals
from tests.tiny_gateway import Hands


def test_what_is_refused_within_the_minute_is_said_when_it_is_over_without_another(caplog):
    hands = Hands()
    refusals = Refusals(Metrics(), hands.clock().steady)
    for _ in range(3):
        refusals.add(400, "rubbish")
    for seconds in (PAUSE - 1, 1, PAUSE):
        hands.pass_by(seconds)
        refusals.log(hands.steady)
    assert [one.message.rpartition(": ")[0] for one in caplog.records] == [
        "requests refused unread: 1 × 400",
        "requests refused unread: 2 × 400",
    ]


def test_the_end_waits_for_no_minute(caplog):
    refusals = Refusals(Metrics(), Hands().clock().steady)
    for _ in range(2):
        refusals.add(408, "late")
    refusals.log(float("inf"))
    assert [one.message for one in caplog.records] == ["requests refused unread: 1 × 408: late"] * 2
